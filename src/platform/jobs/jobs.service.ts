import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { newId } from '../crypto/new-id.js';
import type { Statement } from '../database/statement.js';
import type { JobDefinition, JobFailure, JobHandler, JobOptions, NewJob } from './job.js';
import { JobStore } from './job-store.js';
import { JobWorker } from './job-worker.js';
import { PayloadSealer } from './sealed-payload.js';

const DEFAULTS = { concurrency: 4, retryLimit: 5, retryDelaySeconds: 15, timeoutSeconds: 60 } as const;
const NAME = /^[a-z][a-z0-9-]{0,60}$/;

/**
 * Work that happens later: in the same PostgreSQL, so that it commits with the change that asks for it, and on
 * whichever instance has `ROLE` worker or all. Names are declared while the application starts, in every role.
 */
@Injectable()
export class Jobs implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly definitions = new Map<string, JobDefinition>();
  private started = false;

  constructor(
    private readonly store: JobStore,
    private readonly worker: JobWorker,
    private readonly sealer: PayloadSealer,
  ) {}

  /**
   * Declares a job and what to do for it; call it from a constructor or `onModuleInit`.
   * A handler that throws is started again after a wait that doubles, `retryLimit` times.
   */
  handle<T>(name: string, handler: JobHandler<T>, options: JobOptions = {}): void {
    this.declare({
      ...DEFAULTS,
      ...options,
      name,
      handler: handler as JobHandler<unknown>,
      everySeconds: null,
    });
  }

  /**
   * Declares work that recurs, once per slot of `seconds` over all instances (slots are aligned to midnight UTC, the
   * first one begins at the first start). A run that takes longer than its slot is not overtaken by the next.
   */
  every(name: string, seconds: number, handler: JobHandler<void>, options: JobOptions = {}): void {
    this.declare({
      ...DEFAULTS,
      ...options,
      concurrency: 1,
      name,
      handler: (job) => handler({ ...job, data: undefined }),
      everySeconds: seconds,
    });
  }

  /** `observer` hears of every failed try on this instance; it must neither wait nor throw. */
  onFailure(observer: (failure: JobFailure) => void): void {
    this.worker.observe(observer);
  }

  /**
   * The statement that adds a job; stage it in the unit of work, so that the job exists if and only if the change
   * commits. Workers see it within a second.
   */
  enqueue({ name, data, startAfter, singletonKey }: NewJob): Statement {
    const definition = this.definitions.get(name);
    if (definition?.everySeconds !== null) throw new Error(`no job "${name}" was declared`);
    const id = newId();
    return this.store.insert(definition, {
      id,
      payload: this.sealer.seal(name, id, data),
      startAfter: startAfter ?? null,
      singletonKey: singletonKey ?? null,
    });
  }

  async onApplicationBootstrap(): Promise<void> {
    this.started = true;
    await this.store.declare([...this.definitions.keys()]);
    if (!this.store.isWorker) return;
    await this.store.connect();
    this.worker.start(this.definitions);
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.worker.stop();
    await this.store.disconnect();
  }

  private declare(definition: JobDefinition): void {
    const { name } = definition;
    if (this.started) throw new Error(`job "${name}" is declared too late: the application has started`);
    if (!NAME.test(name))
      throw new Error(`"${name}" is not a job name: lower-case letters, digits and hyphens`);
    if (this.definitions.has(name)) throw new Error(`job "${name}" is declared twice`);
    this.definitions.set(name, definition);
  }
}

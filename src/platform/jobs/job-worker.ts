import { Injectable } from '@nestjs/common';
import { Clock } from '../clock/clock.js';
import { Log } from '../logging/log.js';
import { Tracing } from '../tracing/tracing.js';
import type { Job, JobDefinition, JobFailure } from './job.js';
import { type ClaimedJob, JobStore } from './job-store.js';
import { PayloadSealer } from './sealed-payload.js';

/** A due job waits at most this long; an idle worker asks one small question as often. */
const POLL_MS = 1000;
const MAINTENANCE_MS = 60_000;
/** Running jobs get this long at a shutdown; then they are put back for another worker. */
const DRAIN_MS = 8000;

interface Running {
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

/** Finds due jobs and runs their handlers, within each name's bound. */
@Injectable()
export class JobWorker {
  private definitions: ReadonlyMap<string, JobDefinition> = new Map();
  private readonly running = new Map<string, Set<Running>>();
  private readonly lastSlots = new Map<string, number>();
  private timer: NodeJS.Timeout | null = null;
  private polling: Promise<void> = Promise.resolve();
  private stopping = false;
  private maintainedAtMs = 0;
  private failing = false;
  private readonly observers: ((failure: JobFailure) => void)[] = [];

  constructor(
    private readonly store: JobStore,
    private readonly sealer: PayloadSealer,
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly tracing: Tracing,
  ) {}

  start(definitions: ReadonlyMap<string, JobDefinition>): void {
    this.definitions = definitions;
    this.schedule(0);
  }

  /** `observer` hears of every failed try; it must neither wait nor throw. */
  observe(observer: (failure: JobFailure) => void): void {
    this.observers.push(observer);
  }

  /** Waits for what runs, then gives the rest back. Nothing is claimed from here on. */
  async stop(): Promise<void> {
    this.stopping = true;
    if (this.timer) clearTimeout(this.timer);
    await this.polling;
    const all = [...this.running.values()].flatMap((set) => [...set]);
    const drained = Promise.all(all.map(({ done }) => done));
    const limit = setTimeout(() => {
      for (const { abort } of all) abort.abort(new JobInterruptedError('shutdown'));
    }, DRAIN_MS);
    await drained;
    clearTimeout(limit);
  }

  private schedule(delayMs: number): void {
    if (this.stopping) return;
    this.timer = setTimeout(() => {
      this.polling = this.poll().finally(() => this.schedule(POLL_MS));
    }, delayMs);
    this.timer.unref();
  }

  /** One look at the queue. A database that is away is reported once, not every second. */
  private async poll(): Promise<void> {
    try {
      await this.addPeriodic();
      const names = await this.store.due();
      await Promise.all(names.map((name) => this.pump(name)));
      if (Date.now() - this.maintainedAtMs >= MAINTENANCE_MS) {
        this.maintainedAtMs = Date.now();
        await this.store.maintain();
      }
      this.failing = false;
    } catch (error) {
      if (!this.failing) this.log.error({ err: error }, 'the job queue cannot be read');
      this.failing = true;
    }
  }

  private async addPeriodic(): Promise<void> {
    for (const definition of this.definitions.values()) {
      if (definition.everySeconds === null) continue;
      const lengthMs = definition.everySeconds * 1000;
      const slot = Math.floor(this.clock.nowMs() / lengthMs);
      if (this.lastSlots.get(definition.name) === slot) continue;
      await this.store.insertPeriodic(definition, new Date(slot * lengthMs));
      this.lastSlots.set(definition.name, slot);
    }
  }

  private async pump(name: string): Promise<void> {
    const definition = this.definitions.get(name);
    // A newer build may have queues that this one does not know; its own workers serve them.
    if (!definition || this.stopping) return;
    const running = this.runningOf(name);
    const free = definition.concurrency - running.size;
    if (free <= 0) return;
    const jobs = await this.store.claim(name, free);
    for (const job of jobs) this.launch(definition, job, running, jobs.length === free);
  }

  private runningOf(name: string): Set<Running> {
    const running = this.running.get(name) ?? new Set<Running>();
    this.running.set(name, running);
    return running;
  }

  private launch(definition: JobDefinition, job: ClaimedJob, running: Set<Running>, more: boolean): void {
    const abort = new AbortController();
    const entry: Running = { abort, done: this.run(definition, job, abort) };
    running.add(entry);
    void entry.done
      .then(() => {
        running.delete(entry);
        // A full claim says that more may wait: a burst must not go at one claim a second.
        return more ? this.pump(definition.name) : undefined;
      })
      .catch(() => undefined);
  }

  /** Runs one job to its end and records it; never rejects. */
  private async run(definition: JobDefinition, claimed: ClaimedJob, abort: AbortController): Promise<void> {
    const { name } = definition;
    const { id, payload } = claimed;
    let data: unknown = {};
    try {
      if (payload !== null) data = this.sealer.open(name, id, payload);
      await this.tracing.job({ name, id, attempt: claimed.retryCount + 1 }, () =>
        this.handle(definition, claimed, data, abort),
      );
      if (definition.everySeconds === null) await this.store.finish(name, id);
      else await this.store.finishPeriodic(name, id);
    } catch (error) {
      const isLastAttempt = claimed.retryCount >= claimed.retryLimit;
      for (const observer of this.observers) observer({ name, data, error });
      const failure = describe(error);
      this.log.error(
        { job: name, jobId: id, attempt: claimed.retryCount + 1, isLastAttempt, failure },
        'job failed',
      );
      const { type, code } = failure;
      await this.store.fail(name, id, { type, code }).catch(() => {
        // The database is away: the job's time runs out there, and another worker takes it up.
      });
    }
  }

  private async handle(
    definition: JobDefinition,
    claimed: ClaimedJob,
    data: unknown,
    abort: AbortController,
  ): Promise<void> {
    const { id, retryCount, retryLimit } = claimed;
    const timer = setTimeout(
      () => abort.abort(new JobInterruptedError('timeout')),
      definition.timeoutSeconds * 1000,
    );
    const interrupted = new Promise<never>((_, reject) => {
      abort.signal.addEventListener('abort', () => reject(abort.signal.reason as Error), { once: true });
    });
    const job: Job<unknown> = {
      id,
      name: definition.name,
      data,
      attempt: retryCount + 1,
      isLastAttempt: retryCount >= retryLimit,
      signal: abort.signal,
    };
    await Promise.race([definition.handler(job), interrupted]).finally(() => clearTimeout(timer));
  }
}

/** A job whose time is over, or whose process stops. */
class JobInterruptedError extends Error {
  constructor(readonly code: 'timeout' | 'shutdown') {
    super(`the job was interrupted: ${code}`);
    this.name = 'JobInterruptedError';
  }
}

interface Failure {
  readonly type: string;
  readonly code: string | null;
  readonly stack: string | null;
}

/** Type, code and place. Never the message: a mail server's repeats addresses, PostgreSQL's repeats values. */
function describe(error: unknown): Failure {
  if (!(error instanceof Error)) return { type: typeof error, code: null, stack: null };
  const { code } = error as { code?: unknown };
  const stack =
    error.stack
      ?.split('\n')
      .filter((line) => /^\s+at /.test(line))
      .join('\n') ?? null;
  return { type: error.name, code: typeof code === 'string' ? code : null, stack };
}

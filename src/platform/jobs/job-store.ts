import { Injectable } from '@nestjs/common';
import PgBoss from 'pg-boss';
import { Config } from '../config/config.js';
import { Database } from '../database/database.js';
import { DatabaseAddress } from '../database/database-address.js';
import type { Statement } from '../database/statement.js';
import { Log } from '../logging/log.js';
import type { JobDefinition } from './job.js';
import type { SealedPayload } from './sealed-payload.js';

/** pg-boss's own connections: its maintenance speaks in several statements at a time. */
const CONNECTIONS = 2;
const CONNECTION_TIMEOUT_MS = 2000;
const STATEMENT_TIMEOUT_MS = 10_000;
/** Failed jobs are kept in sight this long, then archived for as long again. */
const FAILED_KEPT_SECONDS = 7 * 86_400;
/** Finished runs of periodic jobs mark their slot; see {@link JobStore.finishPeriodic}. */
const COMPLETED_KEPT_SECONDS = 2 * 86_400;

export interface ClaimedJob {
  readonly id: string;
  readonly payload: SealedPayload | null;
  readonly retryCount: number;
  readonly retryLimit: number;
}

/** The queue in PostgreSQL: claiming, ending and retrying are pg-boss's; adding is a statement of the caller's unit of work. */
@Injectable()
export class JobStore {
  private boss: PgBoss | null = null;

  constructor(
    private readonly database: Database,
    private readonly address: DatabaseAddress,
    private readonly config: Config,
    private readonly log: Log,
  ) {}

  /** Makes the queues that do not exist yet; instances may start together. */
  async declare(names: readonly string[]): Promise<void> {
    const known = await this.database.runOne({
      name: null,
      text: 'SELECT name FROM pgboss.queue',
      values: [],
    });
    const existing = new Set(known.map((row) => row.name));
    const missing = names.filter((name) => !existing.has(name)).sort();
    if (missing.length === 0) return;
    await this.database.run(
      missing.map((name) => ({
        name: null,
        text: 'SELECT pgboss.create_queue($1, $2)',
        values: [name, '{"policy":"short"}'],
      })),
    );
  }

  /** @throws Error when the schema of the database is not the one this pg-boss works with */
  async connect(): Promise<void> {
    const boss = new PgBoss({
      ...this.address.app(),
      max: CONNECTIONS,
      application_name: 'latchkey-jobs',
      connectionTimeoutMillis: CONNECTION_TIMEOUT_MS,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      query_timeout: STATEMENT_TIMEOUT_MS,
      migrate: false,
      schedule: false,
      supervise: false,
      archiveCompletedAfterSeconds: COMPLETED_KEPT_SECONDS,
      archiveFailedAfterSeconds: FAILED_KEPT_SECONDS,
      deleteAfterSeconds: FAILED_KEPT_SECONDS,
    } as PgBoss.ConstructorOptions);
    // Without a listener a lost connection would end the process.
    boss.on('error', (error) => this.log.error({ err: error }, 'the job queue lost its connection'));
    await boss.start();
    this.boss = boss;
  }

  async disconnect(): Promise<void> {
    await this.boss?.stop({ graceful: false });
    this.boss = null;
  }

  private get queue(): PgBoss {
    if (this.boss === null) throw new Error('the job queue is not connected');
    return this.boss;
  }

  /** The statement that adds a job with the transaction it is part of. */
  insert(
    definition: JobDefinition,
    job: { id: string; payload: SealedPayload; startAfter: Date | null; singletonKey: string | null },
  ): Statement {
    return {
      name: 'job:insert',
      text: `INSERT INTO pgboss.job (id, name, data, start_after, singleton_key, retry_limit, retry_delay, retry_backoff, expire_in, policy)
        VALUES ($1, $2, $3::jsonb, coalesce($4::timestamptz, now()), $5, $6, $7, true, $8 * interval '1 second', 'short')
        ON CONFLICT DO NOTHING`,
      values: [
        job.id,
        definition.name,
        JSON.stringify(job.payload),
        job.startAfter?.toISOString() ?? null,
        job.singletonKey ?? job.id,
        definition.retryLimit,
        definition.retryDelaySeconds,
        definition.timeoutSeconds,
      ],
    };
  }

  /** Adds the run of one slot of time; of all instances one succeeds. */
  async insertPeriodic(definition: JobDefinition, slotStart: Date): Promise<void> {
    await this.database.runOne({
      name: 'job:insert-periodic',
      text: `INSERT INTO pgboss.job (name, singleton_key, singleton_on, retry_limit, retry_delay, retry_backoff, expire_in, policy)
        VALUES ($1, 'periodic', $2::timestamptz AT TIME ZONE 'UTC', $3, $4, true, $5 * interval '1 second', 'short')
        ON CONFLICT DO NOTHING`,
      values: [
        definition.name,
        slotStart.toISOString(),
        definition.retryLimit,
        definition.retryDelaySeconds,
        definition.timeoutSeconds,
      ],
    });
  }

  /** Names with jobs that are due: the one statement that an idle worker runs. */
  async due(): Promise<string[]> {
    const rows = await this.database.runOne({
      name: 'job:due',
      text: `SELECT DISTINCT name FROM pgboss.job WHERE state < 'active' AND start_after < now()`,
      values: [],
    });
    return rows.map((row) => row.name as string);
  }

  /** Takes up to `limit` due jobs; no other worker gets them until they fail or their time is over. */
  async claim(name: string, limit: number): Promise<ClaimedJob[]> {
    const jobs = await this.queue.fetch<SealedPayload | null>(name, {
      batchSize: limit,
      includeMetadata: true,
    });
    return jobs.map(({ id, data, retryCount, retryLimit }) => ({
      id,
      payload: data,
      retryCount,
      retryLimit,
    }));
  }

  /** A finished job leaves nothing behind: its data may be personal. */
  async finish(name: string, id: string): Promise<void> {
    await this.queue.deleteJob(name, id);
  }

  /** The run stays as the mark that its slot is done, and replaces the mark of earlier slots. */
  async finishPeriodic(name: string, id: string): Promise<void> {
    await this.queue.complete(name, id);
    await this.database.runOne({
      name: 'job:forget-slots',
      text: `DELETE FROM pgboss.job WHERE name = $1 AND state = 'completed'
        AND singleton_on < (SELECT j.singleton_on FROM pgboss.job j WHERE j.name = $1 AND j.id = $2)`,
      values: [name, id],
    });
  }

  /** Puts a job back for its next try, or among the failed ones when that was the last. */
  async fail(
    name: string,
    id: string,
    reason: { readonly type: string; readonly code: string | null },
  ): Promise<void> {
    await this.queue.fail(name, id, reason);
  }

  /** Retries what dead workers left, and clears away what is old. */
  async maintain(): Promise<void> {
    await this.queue.maintain();
  }

  get isWorker(): boolean {
    return this.config.role !== 'api';
  }
}

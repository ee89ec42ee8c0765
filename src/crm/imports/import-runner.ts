import { Injectable, type OnModuleInit } from '@nestjs/common';
import { CsvError } from 'csv-parse';
import { newId } from '../../platform/crypto/new-id.js';
import { PrincipalStanding } from '../../identity/principals/principal-standing.js';
import { Clock } from '../../platform/clock/clock.js';
import { RequestContext } from '../../platform/context/request-context.js';
import { isPgError } from '../../platform/database/database-errors.js';
import { SystemWork } from '../../platform/database/system-work.js';
import { ApiError } from '../../platform/http/api-error.js';
import { toApiError } from '../../platform/http/error-mapping.js';
import { UnitRunner } from '../../platform/http/unit-runner.js';
import type { Job } from '../../platform/jobs/job.js';
import { Jobs } from '../../platform/jobs/jobs.service.js';
import { type BatchResult, ImportBatch } from './import-batch.js';
import { IMPORT_FIELDS, mapColumns } from './import-fields.js';
import { csvRows } from './import-rows.js';
import { ImportStore, type StoredImport } from './import-store.js';
import { ImportTargets } from './import-targets.js';

export const IMPORT_JOB = 'import-records';
const BATCH_ROWS = 200;
const TIMEOUT_SECONDS = 60;

export interface ImportJob {
  readonly teamId: string;
  readonly importId: string;
}

/** Carries imports out: batches of rows, each one unit with its audit rows and the checkpoint. */
@Injectable()
export class ImportRunner implements OnModuleInit {
  /** One job works this long and hands over to the next, so that a dead worker is missed soon. */
  sliceMs = 20_000;

  constructor(
    private readonly jobs: Jobs,
    private readonly store: ImportStore,
    private readonly targets: ImportTargets,
    private readonly standing: PrincipalStanding,
    private readonly units: UnitRunner,
    private readonly system: SystemWork,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    const options = { concurrency: 1, timeoutSeconds: TIMEOUT_SECONDS, retryLimit: 20, retryDelaySeconds: 1 };
    this.jobs.handle<ImportJob>(IMPORT_JOB, (job) => this.attempt(job), options);
  }

  /** What no further try can read ends the import; anything else is tried again from the checkpoint. */
  private async attempt(job: Job<ImportJob>): Promise<void> {
    try {
      await this.work(job);
    } catch (error) {
      const stored = await this.store.find(job.data.teamId, job.data.importId);
      const isUnreadable = error instanceof CsvError;
      if (stored !== null && (isUnreadable || job.isLastAttempt))
        await this.finish(stored, 'failed', isUnreadable ? 'the file is not CSV' : 'it was tried too often');
      if (!isUnreadable) throw error;
    }
  }

  private async work({ data, signal }: Job<ImportJob>): Promise<void> {
    let stored = await this.store.find(data.teamId, data.importId);
    if (stored === null || stored.finishedAt !== null) return;
    const until = Date.now() + this.sliceMs;
    let columns: (string | null)[] | null = null;
    let row = 0;
    let batch: string[][] = [];
    for await (const cells of csvRows(this.bytes(stored))) {
      if (columns === null) {
        columns = mapColumns(IMPORT_FIELDS[stored.resource], cells, stored.mapping);
        continue;
      }
      row++;
      if (row <= stored.processed) continue;
      batch.push(cells);
      if (batch.length < BATCH_ROWS) continue;
      stored = await this.batch(stored, columns, batch);
      batch = [];
      if (stored === null || signal.aborted) return;
      if (Date.now() > until) return this.handOver(data, stored);
    }
    if (columns === null)
      return this.finish(stored, 'failed', 'its file is empty, or was deleted after seven days');
    if (batch.length > 0) stored = await this.batch(stored, columns, batch);
    if (stored !== null) await this.finish(stored, 'completed', null);
  }

  private async *bytes(stored: StoredImport): AsyncGenerator<Buffer> {
    for await (const text of this.store.chunks(stored, 'file')) yield Buffer.from(text, 'base64');
  }

  /** One batch in one unit. Null when the import ended because its caller may not write any more. */
  private async batch(
    before: StoredImport,
    columns: readonly (string | null)[],
    rows: readonly string[][],
  ): Promise<StoredImport | null> {
    const caller = await this.callerOf(before);
    if (typeof caller === 'string') {
      await this.finish(before, 'stopped', caller);
      return null;
    }
    const target = this.targets.of(before.resource);
    return this.rows(caller, new ImportBatch(this.store, target, before, columns), rows, before);
  }

  /** When a row is refused at the commit, the halves go by themselves, until it stands alone and is reported. */
  private async rows(
    context: RequestContext,
    batch: ImportBatch,
    rows: readonly string[][],
    before: StoredImport,
  ): Promise<StoredImport> {
    try {
      return await this.unit(before, context, () => batch.stage(context, rows, before));
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal === null) throw error;
      if (rows.length > 1) {
        const middle = rows.length >> 1;
        const half = await this.rows(context, batch, rows.slice(0, middle), before);
        return this.rows(context, batch, rows.slice(middle), half);
      }
      const refused = batch.refusal(before, rows[0], refusal);
      return this.unit(before, context, () => Promise.resolve(refused));
    }
  }

  /** Stages what the batch decides, with the rejected rows and the checkpoint, and commits it. */
  private async unit(
    before: StoredImport,
    context: RequestContext,
    decide: () => Promise<BatchResult>,
  ): Promise<StoredImport> {
    if (!before.dryRun)
      return this.units.alone(context, async () => this.stageProgress(context, before, await decide()));
    const result = await this.units.rehearse(context, decide);
    const statement = await this.store.rehearse(before, result.terms);
    return this.units.alone(context, async () => {
      context.work.stage({ statement, change: null });
      return this.stageProgress(context, before, result);
    });
  }

  private stageProgress(context: RequestContext, before: StoredImport, result: BatchResult): StoredImport {
    const { teamId, id } = before;
    const { rejected, progress } = result;
    if (rejected.length > 0) {
      const key = this.store.keyOf(before);
      const text = JSON.stringify(rejected);
      const statement = this.store.chunk(teamId, id, key, 'errors', progress.processed, text);
      context.work.stage({ statement, change: null });
    }
    context.work.stage({
      statement: this.store.advance(before, progress),
      change: {
        id: newId(),
        action: 'UPDATE',
        resourceType: 'import',
        resourceId: id,
        oldValues: { processed: before.processed },
        newValues: { processed: progress.processed },
        sealed: null,
      },
    });
    return { ...before, ...progress };
  }

  /** The caller as of now, or why the rest of the file is not theirs to write any more. */
  private async callerOf(stored: StoredImport): Promise<RequestContext | string> {
    const principal = await this.standing.now(stored);
    if (principal === null || principal.teamId !== stored.teamId)
      return stored.apiKeyId === null
        ? 'the person who started it no longer belongs to the team'
        : 'the API key that started it no longer works';
    if (!principal.scopes.has(`${stored.resource}:write`))
      return 'whoever started it may not write these records any more';
    const context = new RequestContext(`import-${stored.id}`, stored.ipAddress, stored.userAgent);
    context.authenticate(principal);
    return context;
  }

  private async finish(
    stored: StoredImport,
    status: 'completed' | 'failed' | 'stopped',
    reason: string | null,
  ) {
    const { teamId, id: resourceId } = stored;
    const change = {
      id: newId(),
      action: 'UPDATE',
      resourceType: 'import',
      resourceId,
      oldValues: { status: stored.status },
      newValues: { status, ...(reason !== null && { reason }) },
      sealed: null,
    } as const;
    await this.system.write(teamId, `job-${IMPORT_JOB}`, [
      { statement: this.store.finish(stored, status, reason, this.clock.nowIso()), change },
      { statement: this.store.forgetRehearsal(stored), change: null },
    ]);
  }

  /** The next slice is a job of its own. */
  private async handOver(data: ImportJob, { userId }: StoredImport): Promise<void> {
    const next = this.jobs.enqueue({ name: IMPORT_JOB, data });
    await this.store.write({ teamId: data.teamId, userId }, next);
  }
}

/** What a row is refused for when the database does not take it; null for what is not the row's fault. */
function refusalOf(error: unknown): ApiError | null {
  if (error instanceof ApiError) return error;
  if (!isPgError(error)) return null;
  const refusal = toApiError(error);
  return refusal.status === 400 ? refusal : null;
}

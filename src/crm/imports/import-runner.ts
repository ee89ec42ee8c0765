import { Injectable, type OnModuleInit } from '@nestjs/common';
import { CsvError } from 'csv-parse';
import { v7 as uuidv7 } from 'uuid';
import { PrincipalStanding } from '../../identity/principals/principal-standing.js';
import { Clock } from '../../platform/clock/clock.js';
import { RequestContext } from '../../platform/context/request-context.js';
import { ApiError } from '../../platform/http/api-error.js';
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
/** One job works this long and hands over to the next, so that a dead worker is missed soon. */
const SLICE_MS = 20_000;
const TIMEOUT_SECONDS = 60;
const KEPT_DAYS = 7;
const DAY_MS = 86_400_000;

export interface ImportJob {
  readonly teamId: string;
  readonly importId: string;
}

/** Carries imports out: batches of rows, each one unit with its audit rows and the checkpoint. */
@Injectable()
export class ImportRunner implements OnModuleInit {
  constructor(
    private readonly jobs: Jobs,
    private readonly store: ImportStore,
    private readonly targets: ImportTargets,
    private readonly standing: PrincipalStanding,
    private readonly units: UnitRunner,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    const options = { concurrency: 1, timeoutSeconds: TIMEOUT_SECONDS, retryLimit: 20, retryDelaySeconds: 1 };
    this.jobs.handle<ImportJob>(IMPORT_JOB, (job) => this.attempt(job), options);
    this.jobs.every('forget-import-files', DAY_MS / 1000 / 24, () =>
      this.store.forgetFiles(new Date(this.clock.nowMs() - KEPT_DAYS * DAY_MS)),
    );
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
    const until = Date.now() + SLICE_MS;
    const seen = new Set<string>();
    let headers: string[] | null = null;
    let columns: (string | null)[] = [];
    let row = 0;
    let batch: string[][] = [];
    const flush = async (before: StoredImport): Promise<StoredImport | null> => {
      const after = await this.batch(before, columns, batch, seen);
      batch = [];
      return after;
    };
    for await (const cells of csvRows(this.bytes(stored))) {
      if (headers === null) {
        headers = cells;
        columns = mapColumns(IMPORT_FIELDS[stored.resource], headers, stored.mapping);
        continue;
      }
      row++;
      if (row <= stored.processed) continue;
      batch.push(cells);
      if (batch.length < BATCH_ROWS) continue;
      stored = await flush(stored);
      if (stored === null || signal.aborted) return;
      if (!stored.dryRun && Date.now() > until) return this.handOver(data, stored);
    }
    if (batch.length > 0) stored = await flush(stored);
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
    seen: Set<string>,
  ): Promise<StoredImport | null> {
    const context = await this.contextOf(before);
    if (context === null) {
      await this.finish(before, 'stopped', 'whoever started it may not write these records any more');
      return null;
    }
    const target = this.targets.of(before.resource);
    const batch = new ImportBatch(this.store, target, before, columns, seen);
    const run = async (part: readonly string[][], from: StoredImport): Promise<StoredImport> => {
      return this.unit(from, context, () => batch.stage(context, part, from));
    };
    try {
      return await run(rows, before);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
    // One row was refused at the commit: each goes by itself, so that it alone is reported.
    let now = before;
    for (const row of rows) {
      try {
        now = await run([row], now);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        const refused = batch.refusal(now, row, error);
        now = await this.unit(now, context, () => Promise.resolve(refused));
      }
    }
    return now;
  }

  /** Stages what the batch decides, with the rejected rows and the checkpoint, and commits it. */
  private async unit(
    before: StoredImport,
    context: RequestContext,
    decide: () => Promise<BatchResult>,
  ): Promise<StoredImport> {
    if (before.dryRun) {
      const result = await this.units.rehearse(context, decide);
      return this.units.alone(context, async () => this.stageProgress(context, before, result));
    }
    return this.units.alone(context, async () => this.stageProgress(context, before, await decide()));
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
        id: uuidv7(),
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

  /** The caller as of now, or null when the rest of the file is not theirs to write any more. */
  private async contextOf(stored: StoredImport): Promise<RequestContext | null> {
    const principal = await this.standing.now(stored);
    if (principal === null || principal.teamId !== stored.teamId) return null;
    if (!principal.scopes.has(`${stored.resource}:write`)) return null;
    const context = new RequestContext(`import-${stored.id}`, stored.ipAddress, stored.userAgent);
    context.authenticate(principal);
    return context;
  }

  private async finish(
    stored: StoredImport,
    status: 'completed' | 'failed' | 'stopped',
    reason: string | null,
  ) {
    const { teamId, userId } = stored;
    await this.store.write(
      { teamId, userId },
      this.store.finish(stored, status, reason, this.clock.nowIso()),
    );
  }

  /** The next slice is a job of its own. */
  private async handOver(data: ImportJob, { userId }: StoredImport): Promise<void> {
    const next = this.jobs.enqueue({ name: IMPORT_JOB, data });
    await this.store.write({ teamId: data.teamId, userId }, next);
  }
}

import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.js';
import { Jobs } from '../../jobs/jobs.service.js';

const EVERY_SECONDS = 3600;
/** Rows of one transaction. */
const BATCH = 1000;
/** A million rows in one run; what is left over goes in the next hour. */
const MAX_BATCHES = 1000;
const TIMEOUT_SECONDS = 600;

/** Deletes stored answers and broken-off claims after 24 h, of all teams; the database's function decides which. */
@Injectable()
export class AnswerPurge {
  constructor(
    private readonly database: Database,
    jobs: Jobs,
  ) {
    jobs.every('idempotency-purge', EVERY_SECONDS, ({ signal }) => this.run(signal), {
      timeoutSeconds: TIMEOUT_SECONDS,
    });
  }

  /** Works in small steps, so that no lock is held for long; ends early when `signal` fires. */
  async run(signal?: AbortSignal): Promise<void> {
    for (let batch = 0; batch < MAX_BATCHES; batch++) {
      if (signal?.aborted) return;
      const [row] = await this.database.runOne({
        name: 'idempotency-purge',
        text: 'SELECT latchkey.purge_idempotency_keys($1) AS gone',
        values: [BATCH],
      });
      if (Number(row.gone) < BATCH) return;
    }
  }
}

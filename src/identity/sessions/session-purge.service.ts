import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/database/database.js';
import { Jobs } from '../../platform/jobs/jobs.service.js';

const EVERY_SECONDS = 3600;
/** Deletions of one transaction: each of them also tells the instances. */
const BATCH = 1000;
const MAX_BATCHES = 50;

/** Forgets sessions that ended more than 30 days ago; the function decides which, nothing else of the application deletes any. */
@Injectable()
export class SessionPurge {
  constructor(
    private readonly database: Database,
    jobs: Jobs,
  ) {
    jobs.every('sessions-purge', EVERY_SECONDS, () => this.run());
  }

  /** Works in small steps, so that no lock is held for long; what is left over goes in the next hour. */
  async run(): Promise<void> {
    for (let batch = 0; batch < MAX_BATCHES; batch++) {
      const [row] = await this.database.runOne({
        name: 'session:purge',
        text: 'SELECT latchkey.purge_sessions($1) AS gone',
        values: [BATCH],
      });
      if (Number(row.gone) < BATCH) return;
    }
  }
}

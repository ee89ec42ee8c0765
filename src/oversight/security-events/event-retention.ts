import { Injectable } from '@nestjs/common';
import { Jobs } from '../../platform/jobs/jobs.service.js';
import { EventStore } from './event-store.js';

const DAY_SECONDS = 86_400;
/** A year: long enough to look into what is found out late. */
const KEEP_DAYS = 365;
/** Rows of each table that go in one transaction, so that none of them is long. */
const ROWS_PER_STEP = 10_000;

/** Forgets old security events once a day. */
@Injectable()
export class EventRetention {
  constructor(
    private readonly store: EventStore,
    jobs: Jobs,
  ) {
    jobs.every('security-events-expire', DAY_SECONDS, async () => {
      await this.expire();
    });
  }

  /** Deletes all that is older than a year, step by step. @returns how many rows went */
  async expire(): Promise<number> {
    let total = 0;
    for (;;) {
      const gone = await this.store.expire(KEEP_DAYS, ROWS_PER_STEP);
      total += gone;
      if (gone < ROWS_PER_STEP) return total;
    }
  }
}

import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/database/database.js';
import { Jobs } from '../../platform/jobs/jobs.service.js';

const DAY_SECONDS = 86_400;
/** Months that stand ready; a job that fails for a quarter is noticed before they run out. */
const MONTHS_AHEAD = 6;

/** Makes the monthly partitions of the audit log before they are needed. */
@Injectable()
export class AuditPartitions {
  constructor(
    private readonly database: Database,
    jobs: Jobs,
  ) {
    jobs.every('audit-partitions', DAY_SECONDS, () => this.make());
  }

  async make(): Promise<void> {
    await this.database.runOne({
      name: 'audit:make-partitions',
      text: 'SELECT latchkey.make_audit_partitions($1)',
      values: [MONTHS_AHEAD],
    });
  }
}

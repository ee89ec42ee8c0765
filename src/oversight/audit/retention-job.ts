import { Injectable } from '@nestjs/common';
import { Config } from '../../platform/config/config.js';
import { DatabaseAddress } from '../../platform/database/database-address.js';
import { Jobs } from '../../platform/jobs/jobs.service.js';
import { Log } from '../../platform/logging/log.js';
import { SecurityEvents } from '../security-events/security-events.service.js';
import { AuditRetention, BrokenLogError, UnforwardedLogError } from './audit-retention.js';
import { reportTampering } from './tampering.js';

const DAY_SECONDS = 86_400;
/** Every log with rows in the month is checked first. */
const TIMEOUT_SECONDS = 6 * 3600;

/** Keeps the audit log as long as `AUDIT_RETENTION_MONTHS` says; without it for good. */
@Injectable()
export class RetentionJob {
  constructor(
    private readonly config: Config,
    private readonly address: DatabaseAddress,
    private readonly retention: AuditRetention,
    private readonly events: SecurityEvents,
    private readonly log: Log,
    jobs: Jobs,
  ) {
    jobs.every('audit-retention', DAY_SECONDS, () => this.run(), { timeoutSeconds: TIMEOUT_SECONDS });
  }

  async run(): Promise<void> {
    const months = this.config.auditRetentionMonths;
    if (months === null) return;
    const reason = `AUDIT_RETENTION_MONTHS=${months}`;
    const afterForwarding = this.config.auditForwardUrl !== null;
    const order = { months, dryRun: false, afterForwarding, by: 'job audit-retention', reason };
    try {
      const done = await this.retention.run(this.address.ownerUrl, order, (month) =>
        this.log.info(month, 'a month of the audit log was removed'),
      );
      if (!done) this.log.info({}, 'the audit log is being shortened by another instance');
    } catch (error) {
      if (error instanceof UnforwardedLogError) {
        // Trying again within the hour would not help; that the forwarding is stuck has an event of its own.
        this.log.warn({ reason: error.message }, 'the audit log was not shortened');
        return;
      }
      if (!(error instanceof BrokenLogError)) throw error;
      reportTampering(this.events, error.teamId, error.firstBrokenId);
      this.log.error({ err: error }, 'the audit log was not shortened');
    }
  }
}

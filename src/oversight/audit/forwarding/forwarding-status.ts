import { Injectable } from '@nestjs/common';
import { Config } from '../../../platform/config/config.js';
import { Database } from '../../../platform/database/database.js';
import type { AuditForwardingView } from './audit-forwarding.view.js';

/** Beyond this many waiting batches nobody counts on. */
const MOST_COUNTED = 10_000;

/** How the forwarding of the audit log goes; any instance knows, whichever leads. */
@Injectable()
export class ForwardingStatus {
  constructor(
    private readonly config: Config,
    private readonly database: Database,
  ) {}

  async view(): Promise<AuditForwardingView> {
    const [row] = await this.database.runOne({
      name: 'forwarding:status',
      text: `SELECT f.delivered_at, f.failing_since, f.failure, f.attempts, w.waiting,
          greatest(0, extract(epoch FROM now() - w.oldest))::float8 AS lag
        FROM audit_forwarding f, (SELECT count(*)::int AS waiting, min(s.sealed_at) AS oldest
          FROM latchkey.seals_to_forward($1) s) w`,
      values: [this.config.auditForwardUrl === null ? 0 : MOST_COUNTED],
    });
    const url = this.config.auditForwardUrl;
    return {
      receiver: url === null ? null : url.startsWith('syslog+') ? 'syslog' : 'webhook',
      waitingBatches: row.waiting as number,
      lagSeconds: Math.round((row.lag as number | null) ?? 0),
      deliveredAt: row.delivered_at as string | null,
      failingSince: row.failing_since as string | null,
      failure: row.failure as string | null,
      attempts: row.attempts as number,
    };
  }
}

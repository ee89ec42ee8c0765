import { Injectable } from '@nestjs/common';
import { AuditReader } from '../../oversight/audit/audit-reader.js';
import type { AuditRowView } from '../../oversight/audit/dto/audit-row.view.js';
import { SecurityEvents } from '../../oversight/security-events/security-events.service.js';
import { Clock } from '../../platform/clock/clock.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import type { SubjectExportView } from './subject.views.js';

const PAGE = 100;
/** An answer stays below 8 MB; nobody's record has a longer history. */
const MAX_HISTORY = 2000;

/** Collects what is kept about one person, for the answer to their request (GDPR, article 15). */
@Injectable()
export class SubjectData {
  constructor(
    private readonly audit: AuditReader,
    private readonly events: SecurityEvents,
    private readonly clock: Clock,
  ) {}

  async collect(
    context: RequestContext,
    resourceType: string,
    record: { id: string },
  ): Promise<SubjectExportView> {
    const { teamId, userId, apiKeyId } = context.principal;
    this.events.record({
      type: 'sensitive_data_access',
      teamId,
      userId,
      apiKeyId,
      ipAddress: context.ipAddress,
      userAgent: context.userAgent,
      requestId: context.requestId,
      details: { resourceType, resourceId: record.id },
    });
    const history = await this.historyOf(context, { resourceType, resourceId: record.id });
    return { exportedAt: this.clock.nowIso(), resourceType, record, history };
  }

  private async historyOf(
    context: RequestContext,
    record: { resourceType: string; resourceId: string },
  ): Promise<AuditRowView[]> {
    const rows: AuditRowView[] = [];
    for (let cursor: string | undefined; rows.length < MAX_HISTORY;) {
      const page = await this.audit.history(context, record, { limit: PAGE, cursor });
      rows.push(...page.items);
      if (page.nextCursor === null) break;
      cursor = page.nextCursor;
    }
    return rows;
  }
}

import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock/clock.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import { invalidField } from '../../platform/http/api-error.js';
import { ComplianceRepository } from './compliance.repository.js';
import type { ComplianceQueryDto } from './dto/compliance-query.dto.js';
import type {
  ComplianceReportView,
  ReportMemberView,
  ReportPeriodView,
  ReportTwoFactorView,
} from './dto/compliance-report.view.js';

const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 30;
const MAX_DAYS = 366;

/** Answers what an auditor asks first: who has access, what changed, which keys there are, how sign-ins went. */
@Injectable()
export class ComplianceService {
  constructor(
    private readonly facts: ComplianceRepository,
    private readonly clock: Clock,
  ) {}

  /** @throws ApiError 400 for a period that is empty or longer than a year */
  async report(context: RequestContext, query: ComplianceQueryDto): Promise<ComplianceReportView> {
    const { teamId } = context.principal;
    const period = this.periodOf(query);
    const { team, members, changes, keys, events, retention } = await this.facts.facts(teamId, period);
    const access = members.map((row): ReportMemberView => ({
      userId: row.user_id as string,
      name: row.name as string,
      role: row.role as string,
      twoFactorEnabled: row.two_factor as boolean,
      disabled: row.disabled as boolean,
      lastSignInAt: row.signed_in as string | null,
    }));
    const securityEvents = events.map((row) => ({
      type: row.type as string,
      severity: row.severity as string,
      count: Number(row.count),
    }));
    return {
      generatedAt: this.clock.nowIso(),
      teamId,
      teamName: team.name as string,
      period,
      access,
      changes: changes.map((row) => ({
        resourceType: row.resource_type as string,
        created: Number(row.created),
        updated: Number(row.updated),
        deleted: Number(row.deleted),
      })),
      keys: keys.map((row) => ({
        id: row.id as string,
        name: row.name as string,
        environment: row.environment as string,
        createdBy: row.created_by as string,
        createdAt: row.created_at as string,
        expiresAt: row.expires_at as string,
        lastUsedAt: row.last_used_at as string | null,
        revokedAt: row.revoked_at as string | null,
      })),
      twoFactor: coverageOf(access),
      failedLogins: securityEvents
        .filter(({ type }) => type === 'login_failed')
        .reduce((sum, { count }) => sum + count, 0),
      securityEvents,
      retention: {
        oldestAuditRowAt: retention.oldest as string | null,
        sealedBatches: Number(retention.batches),
        erasures: Number(retention.erasures),
      },
    };
  }

  private periodOf(query: ComplianceQueryDto): ReportPeriodView {
    const to = query.to === undefined ? this.clock.nowMs() : Date.parse(query.to);
    const from = query.from === undefined ? to - DEFAULT_DAYS * DAY_MS : Date.parse(query.from);
    if (from >= to) throw invalidField('from', 'is not before the end of the period');
    if (to - from > MAX_DAYS * DAY_MS)
      throw invalidField('from', `is more than ${MAX_DAYS} days before the end`);
    return { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
  }
}

function coverageOf(access: readonly ReportMemberView[]): ReportTwoFactorView {
  const active = access.filter(({ disabled }) => !disabled);
  const enabled = active.filter(({ twoFactorEnabled }) => twoFactorEnabled).length;
  const managersWithout = active.filter(
    ({ role, twoFactorEnabled }) => (role === 'owner' || role === 'admin') && !twoFactorEnabled,
  ).length;
  const coverage = active.length === 0 ? 0 : Math.round((enabled / active.length) * 1000) / 1000;
  return { members: active.length, enabled, coverage, managersWithout };
}

import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock/clock.js';
import type { Principal } from '../../platform/context/principal.js';
import { Database } from '../../platform/database/database.js';
import { firstIdOf, Parameters } from '../../platform/database/list-query.js';
import type { Row } from '../../platform/database/statement.js';
import { inTenant } from '../../platform/database/tenant-read.js';
import { CursorSigner } from '../../platform/http/cursor.js';
import { Page } from '../../platform/http/page.js';
import type { EventQueryDto } from './dto/event-query.dto.js';
import type {
  SecurityEventSummaryView,
  SecurityEventView,
  SeverityCountsView,
} from './dto/security-event.view.js';
import type { Severity } from './event-types.js';

const DAY_MS = 86_400_000;
/** A summary is of this many groups at most: types times severities times days. */
const MAX_GROUPS = 100_000;

/** Reads security events, newest first. */
@Injectable()
export class EventReader {
  constructor(
    private readonly database: Database,
    private readonly cursors: CursorSigner,
    private readonly clock: Clock,
  ) {}

  /** A page of the team's events; members without the team's view see those about themselves. */
  async ofTeam(caller: Principal, query: EventQueryDto): Promise<Page<SecurityEventView>> {
    const parameters = new Parameters();
    const team = parameters.add(caller.teamId);
    const conditions = [`e.team_id = ${team}::uuid`, 'x.team IS NOT NULL', ...ownOnly(caller, parameters)];
    const list = `security-events|${caller.teamId}|${ownSubject(caller) ?? ''}`;
    return this.page(list, query, conditions, parameters, inTenant, 'security_events');
  }

  /** A page of the events of nobody's team. */
  async ofPlatform(query: EventQueryDto): Promise<Page<SecurityEventView>> {
    const list = 'platform-security-events';
    const conditions = ["x.platform = 'yes'"];
    return this.page(list, query, conditions, new Parameters(), asPlatform, 'platform_security_events');
  }

  private async page(
    list: string,
    query: EventQueryDto,
    fixed: readonly string[],
    parameters: Parameters,
    wrap: (inner: string) => string,
    table: string,
  ): Promise<Page<SecurityEventView>> {
    const { limit, cursor, ...filters } = query;
    const listName = `${list}|${JSON.stringify(filters)}`;
    const conditions = [...fixed, ...filterConditions(query, parameters)];
    if (cursor !== undefined) {
      const [position] = this.cursors.verify(listName, cursor);
      conditions.push(`e.id < ${parameters.add(position)}::uuid`);
    }
    const text = wrap(`SELECT e.* FROM ${table} e WHERE ${conditions.join(' AND ')}
      ORDER BY e.id DESC LIMIT ${parameters.add(limit + 1)}`);
    const rows = await this.database.runOne({ name: null, text, values: parameters.values });
    const items = rows.slice(0, limit).map(viewOf);
    const last = items.at(-1);
    const next = rows.length > limit && last ? this.cursors.sign(listName, [last.id]) : null;
    return new Page(items, next, limit);
  }

  /** Counts of the last `days` days, today included, for charts. */
  async summary(caller: Principal, days: number): Promise<SecurityEventSummaryView> {
    const today = Math.floor(this.clock.nowMs() / DAY_MS) * DAY_MS;
    const from = new Date(today - (days - 1) * DAY_MS).toISOString();
    const parameters = new Parameters();
    const team = parameters.add(caller.teamId);
    const conditions = [`e.team_id = ${team}::uuid`, 'x.team IS NOT NULL', ...ownOnly(caller, parameters)];
    conditions.push(`e.id >= ${parameters.add(firstIdOf(from))}::uuid`);
    const text =
      inTenant(`SELECT e.type, e.severity, to_char(e.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day,
        sum(e.count)::bigint AS count FROM security_events e WHERE ${conditions.join(' AND ')}
      GROUP BY 1, 2, 3 LIMIT ${MAX_GROUPS}`);
    const rows = await this.database.runOne({ name: null, text, values: parameters.values });
    return summaryOf(rows, from, days);
  }
}

/** Whose events the caller sees: null for all of the team's (contract section 2, `security-events:read`). */
function ownSubject(caller: Principal): string | null {
  return caller.role === 'owner' || caller.role === 'admin' ? null : caller.userId;
}

function ownOnly(caller: Principal, parameters: Parameters): string[] {
  const subject = ownSubject(caller);
  return subject === null ? [] : [`e.user_id = ${parameters.add(subject)}::uuid`];
}

function asPlatform(inner: string): string {
  return `SELECT r.* FROM (SELECT set_config('app.platform', 'yes', true) AS platform) x CROSS JOIN LATERAL (${inner}) r`;
}

function filterConditions(query: EventQueryDto, parameters: Parameters): string[] {
  const conditions: string[] = [];
  if (query.type !== undefined) conditions.push(`e.type = ${parameters.add(query.type)}`);
  if (query.severity !== undefined) conditions.push(`e.severity = ${parameters.add(query.severity)}`);
  if (query.userId !== undefined) conditions.push(`e.user_id = ${parameters.add(query.userId)}::uuid`);
  if (query.requestId !== undefined) conditions.push(`e.request_id = ${parameters.add(query.requestId)}`);
  // Id and time of a row come from one clock, so a bound on the id is a bound on the time.
  if (query.from !== undefined) conditions.push(`e.id >= ${parameters.add(firstIdOf(query.from))}::uuid`);
  if (query.to !== undefined) conditions.push(`e.id < ${parameters.add(firstIdOf(query.to))}::uuid`);
  return conditions;
}

function viewOf(row: Row): SecurityEventView {
  return {
    id: row.id as string,
    type: row.type as SecurityEventView['type'],
    severity: row.severity as SecurityEventView['severity'],
    count: row.count as number,
    aggregatedBy: row.aggregated_by as SecurityEventView['aggregatedBy'],
    userId: row.user_id as string | null,
    apiKeyId: row.api_key_id as string | null,
    ipAddress: row.ip_address as string | null,
    userAgent: row.user_agent as string | null,
    requestId: row.request_id as string | null,
    details: row.details as Record<string, unknown>,
    createdAt: row.created_at as string,
    lastAt: row.last_at as string,
  };
}

function summaryOf(rows: readonly Row[], from: string, days: number): SecurityEventSummaryView {
  const none = { low: 0, medium: 0, high: 0, critical: 0 };
  const bySeverity = { ...none };
  const byType = new Map<string, number>();
  const byDay = new Map<string, SeverityCountsView>();
  for (let day = 0; day < days; day++) {
    byDay.set(new Date(Date.parse(from) + day * DAY_MS).toISOString().slice(0, 10), { ...none });
  }
  for (const row of rows) {
    const [type, severity, day] = [row.type as string, row.severity as Severity, row.day as string];
    const count = row.count as number;
    bySeverity[severity] += count;
    byType.set(type, (byType.get(type) ?? 0) + count);
    const ofDay = byDay.get(day);
    if (ofDay) ofDay[severity] += count;
  }
  return {
    days,
    total: Object.values(bySeverity).reduce((sum, count) => sum + count, 0),
    bySeverity,
    byType: [...byType].map(([type, count]) => ({ type, count })).sort((a, b) => b.count - a.count),
    byDay: [...byDay].map(([date, counts]) => ({ date, ...counts })),
  };
}

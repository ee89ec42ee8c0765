import { Injectable } from '@nestjs/common';
import type { RequestContext } from '../../platform/context/request-context.js';
import { Database } from '../../platform/database/database.js';
import { firstIdOf, Parameters } from '../../platform/database/list-query.js';
import type { Row, Statement } from '../../platform/database/statement.js';
import { inTenant } from '../../platform/database/tenant-read.js';
import { notFound } from '../../platform/http/api-error.js';
import { CursorSigner } from '../../platform/http/cursor.js';
import { Page } from '../../platform/http/page.js';
import type { AuditQueryDto } from './dto/audit-query.dto.js';
import type { AuditRowView } from './dto/audit-row.view.js';
import { PersonalValues } from './personal-values.js';

/** Ids are made on the instances, the time of a row by the database; clocks may differ by this much. */
const CLOCK_SKEW_MS = 3_600_000;

/** The times of a batch lead to it: the first one that ends at or after the row is nearly always the right one. */
const SEAL_OF_ROW = `SELECT s.seq, s.sealed_at FROM audit_seal s WHERE s.team_id = a.team_id AND s.last_created_at >= a.created_at
  AND s.first_created_at <= a.created_at AND a.id = ANY (s.ids) ORDER BY s.last_created_at LIMIT 1`;

/** Reads the audit log of a team, newest first. */
@Injectable()
export class AuditReader {
  constructor(
    private readonly database: Database,
    private readonly cursors: CursorSigner,
    private readonly personal: PersonalValues,
  ) {}

  async list(context: RequestContext, query: AuditQueryDto): Promise<Page<AuditRowView>> {
    const { limit, cursor, ...filters } = query;
    const listName = `audit|${context.principal.teamId}|${JSON.stringify(filters)}`;
    const position = cursor === undefined ? null : this.cursors.verify(listName, cursor)[0];
    const rows = await this.database.runOne(statementOf(context.principal.teamId, query, position));
    const items = rows.slice(0, limit).map((row) => this.viewOf(context, row));
    const last = items.at(-1);
    return new Page(
      items,
      rows.length > limit && last ? this.cursors.sign(listName, [last.id]) : null,
      limit,
    );
  }

  /**
   * What happened to one record. Where colleagues were and what they used is for those who read the whole log.
   * @throws ApiError 404 when this team never had such a record
   */
  async history(
    context: RequestContext,
    record: { resourceType: string; resourceId: string },
    page: { limit: number; cursor?: string },
  ): Promise<Page<AuditRowView>> {
    const rows = await this.list(context, { ...record, limit: page.limit, cursor: page.cursor });
    if (rows.items.length === 0 && page.cursor === undefined) throw notFound();
    if (context.principal.scopes.has('audit:read')) return rows;
    return rows.map((row) => ({ ...row, ipAddress: null, userAgent: null }));
  }

  private viewOf(context: RequestContext, row: Row): AuditRowView {
    const personal = this.personal.of(context.principal, {
      id: row.id as string,
      resourceType: row.resource_type as string,
      resourceId: row.resource_id as string,
      sealed: row.sealed as Buffer | null,
      wrapped: row.wrapped as Buffer | null,
    });
    return {
      id: row.id as string,
      action: row.action as AuditRowView['action'],
      resourceType: row.resource_type as string,
      resourceId: row.resource_id as string,
      userId: row.user_id as string | null,
      apiKeyId: row.api_key_id as string | null,
      authMethod: row.auth_method as string,
      oldValues: merged(row.old_values, personal.old),
      newValues: merged(row.new_values, personal.new),
      ipAddress: row.ip_address as string | null,
      userAgent: row.user_agent as string | null,
      requestId: row.request_id as string,
      createdAt: row.created_at as string,
      seal: row.seal_seq === null ? null : { seq: row.seal_seq as number, sealedAt: row.sealed_at as string },
    };
  }
}

function merged(
  plain: unknown,
  personal: Record<string, unknown> | undefined,
): Record<string, unknown> | null {
  if (plain === null && personal === undefined) return null;
  return { ...(plain as Record<string, unknown> | null), ...personal };
}

function statementOf(teamId: string, query: AuditQueryDto, position: string | null): Statement {
  const parameters = new Parameters();
  parameters.add(teamId);
  const conditions = ['a.team_id = $1::uuid', 'x.team IS NOT NULL'];
  const equal = {
    resource_type: query.resourceType,
    resource_id: query.resourceId,
    user_id: query.userId,
    api_key_id: query.apiKeyId,
    action: query.action,
    request_id: query.requestId,
  };
  // One record or request has few rows: nothing else may lead to them. Where the log has no statistics yet (a new month, a
  // restored database) all indexes look alike, and a history would read every row of its kind.
  const leading = query.resourceId === undefined ? 'request_id' : 'resource_id';
  const hasFew = equal[leading] !== undefined;
  for (const [column, value] of Object.entries(equal)) {
    if (value === undefined) continue;
    const condition = `a.${column} = ${parameters.add(value)}`;
    conditions.push(hasFew && column !== leading ? `(${condition}) IS TRUE` : condition);
  }
  if (query.from) {
    conditions.push(`a.created_at >= ${parameters.add(query.from)}`);
    conditions.push(`a.id >= ${parameters.add(firstIdOf(shifted(query.from, -CLOCK_SKEW_MS)))}::uuid`);
  }
  if (query.to) {
    conditions.push(`a.created_at < ${parameters.add(query.to)}`);
    conditions.push(`a.id < ${parameters.add(firstIdOf(shifted(query.to, CLOCK_SKEW_MS)))}::uuid`);
  }
  if (position) conditions.push(`a.id < ${parameters.add(position)}::uuid`);
  const text = inTenant(`SELECT a.*, k.wrapped, seal.seq AS seal_seq, seal.sealed_at FROM audit_log a
    LEFT JOIN LATERAL (SELECT k.wrapped FROM data_keys k
          WHERE k.team_id = a.team_id AND k.subject_id = a.resource_id LIMIT 1) k ON true
    LEFT JOIN LATERAL (${SEAL_OF_ROW}) seal ON true
    WHERE ${conditions.join(' AND ')} ORDER BY a.id DESC LIMIT ${parameters.add(query.limit + 1)}`);
  return { name: null, text, values: parameters.values };
}

function shifted(isoTime: string, byMs: number): string {
  return new Date(Date.parse(isoTime) + byMs).toISOString();
}

import { Injectable } from '@nestjs/common';
import type { RequestContext } from '../../platform/context/request-context.js';
import { Database } from '../../platform/database/database.js';
import type { Row } from '../../platform/database/statement.js';
import { notFound } from '../../platform/http/api-error.js';
import { CursorSigner } from '../../platform/http/cursor.js';
import { Page } from '../../platform/http/page.js';
import { auditSearch } from './audit-search.js';
import type { AuditQueryDto } from './dto/audit-query.dto.js';
import type { AuditRowView } from './dto/audit-row.view.js';
import { PersonalValues } from './personal-values.js';

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
    const rows = await this.database.runOne(auditSearch(context.principal.teamId, query, position));
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

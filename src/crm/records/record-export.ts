import { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { FreshSession } from '../../identity/principals/fresh-session.service.js';
import { PrincipalStanding } from '../../identity/principals/principal-standing.js';
import type { Scope } from '../../identity/scopes/scope-catalogue.js';
import { SecurityEvents } from '../../oversight/security-events/security-events.service.js';
import { Clock } from '../../platform/clock/clock.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import type { Page } from '../../platform/http/page.js';
import { csvLines } from './csv-text.js';
import type { ExportFormat } from './export.dto.js';
import type { CrmResource } from './record-rules.js';

/** The largest page of a list. */
const PAGE = 100;
/** Whether the caller may still read is asked again this often. */
const PAGES_PER_CHECK = 10;

/** What `RecordService` offers to an export. */
export interface ExportSource {
  /** Fields of a record in the order of its view. */
  readonly fields: readonly string[];
  /** The scope that unmasks; null when nothing is masked. */
  readonly piiScope: Scope | null;
  list(context: RequestContext, query: ListWindow): Promise<Page<object>>;
}

/** A list's validated filters with the window on it. */
export interface ListWindow {
  readonly limit: number;
  readonly cursor?: string;
}

export interface OpenExport {
  readonly lines: Readable;
  readonly type: string;
  readonly name: string;
}

/** Writes a resource's records as a file: a page at a time by keyset, and only as fast as the client reads. */
@Injectable()
export class RecordExport {
  constructor(
    private readonly sessions: FreshSession,
    private readonly standing: PrincipalStanding,
    private readonly events: SecurityEvents,
    private readonly clock: Clock,
  ) {}

  /** @throws ApiError 403 `STEP_UP_REQUIRED` for a person who would see personal data; whatever the list refuses */
  async open(
    context: RequestContext,
    resource: CrmResource,
    source: ExportSource,
    query: { readonly format: ExportFormat },
  ): Promise<OpenExport> {
    const { format, ...filters } = query;
    const { principal } = context;
    const unmasked = source.piiScope !== null && principal.scopes.has(source.piiScope);
    // Keys cannot step up; holding the scope is their permission.
    if (unmasked && principal.apiKeyId === null) await this.sessions.expect(principal, 'managers');
    // The first page is read before the answer begins, so that a refusal is one with a status of its own.
    const first = await source.list(context, { ...filters, limit: PAGE });
    if (unmasked) this.report(context, resource);
    const scopes = [`${resource}:read`, ...(unmasked ? [`${resource}:pii`] : [])];
    const pages = this.pages(context, source, filters, first, scopes);
    const chunks = format === 'csv' ? csv(pages, source.fields) : ndjson(pages);
    return {
      lines: Readable.from(chunks, { objectMode: false }),
      type: format === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson; charset=utf-8',
      name: `${resource}-${this.clock.nowIso().slice(0, 10)}.${format}`,
    };
  }

  private async *pages(
    context: RequestContext,
    source: ExportSource,
    filters: object,
    first: Page<object>,
    scopes: readonly string[],
  ): AsyncGenerator<Page<object>> {
    for (let [page, read] = [first, 1]; ; read++) {
      const { nextCursor: cursor } = page;
      // PostgreSQL reads the next page while this one is written.
      const ahead =
        cursor === null ? null : this.nextPage(context, source, { ...filters, cursor }, { scopes, read });
      // Nobody waits for it when the client is gone; whoever does hears of its failure.
      ahead?.catch(() => undefined);
      yield page;
      if (ahead === null) return;
      page = await ahead;
    }
  }

  private async nextPage(
    context: RequestContext,
    source: ExportSource,
    query: { readonly cursor: string },
    { scopes, read }: { readonly scopes: readonly string[]; readonly read: number },
  ): Promise<Page<object>> {
    if (read % PAGES_PER_CHECK === 0) await this.expectStanding(context, scopes);
    return source.list(context, { ...query, limit: PAGE });
  }

  /** Ends the file in the middle when the caller lost the right to it; the client sees a broken transfer. */
  private async expectStanding(context: RequestContext, scopes: readonly string[]): Promise<void> {
    const now = await this.standing.still(context.principal);
    if (now === null || scopes.some((scope) => !now.scopes.has(scope))) throw new ExportRevokedError();
  }

  private report(context: RequestContext, resource: CrmResource): void {
    const { teamId, userId, apiKeyId } = context.principal;
    this.events.record({
      type: 'sensitive_data_access',
      teamId,
      userId,
      apiKeyId,
      ipAddress: context.ipAddress,
      userAgent: context.userAgent,
      requestId: context.requestId,
      details: { resource, export: true },
    });
  }
}

/** The caller of a running export was demoted or signed out, or the key revoked. */
class ExportRevokedError extends Error {
  constructor() {
    super('the caller of this export may not read the records any more');
    this.name = 'ExportRevokedError';
  }
}

async function* csv(pages: AsyncIterable<Page<object>>, fields: readonly string[]): AsyncGenerator<string> {
  yield csvLines([fields]);
  for await (const { items } of pages) {
    const rows = items.map((item) => fields.map((field) => (item as Record<string, unknown>)[field]));
    yield csvLines(rows);
  }
}

async function* ndjson(pages: AsyncIterable<Page<object>>): AsyncGenerator<string> {
  for await (const { items } of pages) yield items.map((item) => `${JSON.stringify(item)}\n`).join('');
}

import type { RequestContext } from '../../platform/context/request-context.js';
import type { ListQuery } from '../../platform/database/list-query.js';
import type { RowState } from '../../platform/database/team-statements.js';
import type { Changes, TeamRepository, TeamRow } from '../../platform/database/team.repository.js';
import { assertIfMatch } from '../../platform/http/etag.js';
import type { Page } from '../../platform/http/page.js';
import type { Scope } from '../../identity/scopes/scope-catalogue.js';
import type { ListRecordsDto } from './list-records.dto.js';
import { assertMayWrite } from './record-policy.js';

/** A record that may belong to a member of the team. */
export interface OwnedRow extends TeamRow {
  ownerId: string | null;
}

/** What a CRM resource adds to the common rules. */
export interface RecordRules<E extends OwnedRow, P extends object, V, C, U, L extends ListRecordsDto> {
  readonly writeScope: Scope;
  readonly deleteScope: Scope;
  /** Fields of a new record, checked and normalised. */
  created(context: RequestContext, input: C): Changes<E, P>;
  /** Changed fields of a record. */
  patched(context: RequestContext, input: U, before: E): Changes<E, P>;
  /** Exact filters of the resource, and the tokens of a search. */
  filters(context: RequestContext, query: L): Promise<Pick<ListQuery, 'equal' | 'tokens'>>;
  view(context: RequestContext, row: E): V;
}

/**
 * What the CRM resources have in common, in the order a request goes: read, check the version, check the
 * ownership, stage the change. A resource supplies its fields and filters as {@link RecordRules}.
 */
export class RecordService<
  E extends OwnedRow,
  P extends object,
  V,
  C,
  U,
  L extends ListRecordsDto & { sort?: string },
> {
  constructor(
    private readonly records: TeamRepository<E, P>,
    private readonly rules: RecordRules<E, P, V, C, U, L>,
  ) {}

  async list(context: RequestContext, query: L): Promise<Page<V>> {
    const { equal, tokens } = await this.rules.filters(context, query);
    const page = await this.records.list(context, {
      limit: query.limit,
      cursor: query.cursor ?? null,
      // Changes since a moment are read in the order they happened, along the index that has them.
      sort: query.sort ?? (query.updatedAfter === undefined ? '-createdAt' : 'updatedAt'),
      equal,
      createdAfter: query.createdAfter ?? null,
      updatedAfter: query.updatedAfter ?? null,
      tokens,
    });
    return page.map((row) => this.rules.view(context, row));
  }

  /** @throws ApiError 404 */
  async get(context: RequestContext, id: string): Promise<V> {
    return this.rules.view(context, await this.records.get(context, id));
  }

  /** @throws ApiError 403 when an agent makes it somebody else's, 404 for references the team does not have, 409 `DUPLICATE` */
  async create(context: RequestContext, input: C): Promise<V> {
    const changes = this.rules.created(context, input);
    assertMayWrite(context, this.rules.writeScope, changes.fields.ownerId ?? null);
    return this.rules.view(context, await this.records.create(context, changes));
  }

  /** @throws ApiError 404, 412 for a stale `If-Match`, 403 for somebody else's record, 409 `DUPLICATE` */
  async update(context: RequestContext, id: string, ifMatch: string | null, input: U): Promise<V> {
    const before = await this.loadForWrite(context, id, ifMatch, this.rules.writeScope);
    const changes = this.rules.patched(context, input, before);
    if (changes.fields.ownerId !== undefined) {
      assertMayWrite(context, this.rules.writeScope, changes.fields.ownerId);
    }
    return this.rules.view(context, await this.records.update(context, before, changes));
  }

  /** Archives: the record leaves lists and look-ups and can come back. */
  async archive(
    context: RequestContext,
    id: string,
    ifMatch: string | null,
  ): Promise<{ id: string; archived: true }> {
    const before = await this.loadForWrite(context, id, ifMatch, this.rules.deleteScope);
    await this.records.archive(context, before);
    return { id, archived: true };
  }

  /** @throws ApiError 404 when there is no archived record of that id, 409 `DUPLICATE` */
  async restore(context: RequestContext, id: string, allowDuplicate: boolean): Promise<V> {
    const before = await this.loadForWrite(context, id, null, this.rules.writeScope, 'archived');
    return this.rules.view(context, await this.records.restore(context, before, allowDuplicate));
  }

  private async loadForWrite(
    context: RequestContext,
    id: string,
    ifMatch: string | null,
    scope: Scope,
    state: RowState = 'live',
  ): Promise<E> {
    const row = await this.records.get(context, id, state);
    assertIfMatch(ifMatch, row.version);
    assertMayWrite(context, scope, row.ownerId);
    return row;
  }
}

import type { RequestContext } from '../../platform/context/request-context.js';
import type { Changes } from '../../platform/database/table-rules.js';
import type { RowState } from '../../platform/database/team-statements.js';
import type { TeamRepository } from '../../platform/database/team.repository.js';
import { ApiError, invalidField } from '../../platform/http/api-error.js';
import { assertIfMatch, ifMatchHolds, versionRead } from '../../platform/http/etag.js';
import type { Page } from '../../platform/http/page.js';
import type { Scope } from '../../identity/scopes/scope-catalogue.js';
import type { BulkDto } from './bulk.dto.js';
import type { BulkView } from './bulk.view.js';
import type { ListRecordsDto } from './list-records.dto.js';
import { assertManager, assertMayWrite } from './record-policy.js';
import type { Fields, RecordRules } from './record-rules.js';
import type { RecordTools } from './record-tools.js';
import type { RecordEntity } from './record.entity.js';
import type { ArchivedView, ErasedView } from './record.views.js';

/** The personal fields of any resource. */
export type Personal = object;

/**
 * What the CRM resources have in common, in the order a request goes: read, check the version, check the
 * ownership, stage the change. A resource supplies its fields and filters as {@link RecordRules}.
 *
 * @typeParam V what a client sees: the table's plain and personal fields under the same names
 */
export class RecordService<
  E extends RecordEntity,
  P extends Personal,
  V extends object,
  C extends object,
  L extends ListRecordsDto & { sort?: string },
> {
  private readonly writeScope: Scope;
  readonly deleteScope: Scope;

  constructor(
    protected readonly records: TeamRepository<E, P>,
    private readonly rules: RecordRules<E, C, L>,
    protected readonly tools: RecordTools,
  ) {
    this.writeScope = `${rules.resource}:write`;
    this.deleteScope = `${rules.resource}:delete`;
    const readable = { scope: `${rules.resource}:read`, mask: hidden };
    if (records.personalFields.length > 0)
      tools.views.register(records.resourceType, rules.masking ?? readable);
  }

  /** Fields of {@link view} in its order. */
  get fields(): readonly string[] {
    const { personalFields, plainFields } = this.records;
    return [
      ...new Set(['id', ...personalFields, ...plainFields, 'ownerId', 'version', 'createdAt', 'updatedAt']),
    ];
  }

  /** Bodies of POST and PATCH. */
  get bodies(): RecordRules<E, C, L>['bodies'] {
    return this.rules.bodies;
  }

  /** The scope that unmasks personal fields; null when every reader sees them. */
  get piiScope(): Scope | null {
    return this.rules.masking?.scope ?? null;
  }

  async list(context: RequestContext, query: L): Promise<Page<V>> {
    const { bounds, terms, sort } = this.rules.narrow?.(context, query) ?? {};
    const values = query as unknown as Readonly<Record<string, string | undefined>>;
    const page = await this.records.list(context, {
      limit: query.limit,
      cursor: query.cursor ?? null,
      // Changes since a moment are read in the order they happened, along the index that has them.
      sort: query.sort ?? (query.updatedAfter === undefined ? (sort ?? '-createdAt') : 'updatedAt'),
      equal: Object.fromEntries(this.rules.filters.map((name) => [name, values[name]])),
      bounds: bounds ?? [],
      createdAfter: query.createdAfter ?? null,
      updatedAfter: query.updatedAfter ?? null,
      tokens: await this.records.tokensFor(context, terms ?? []),
    });
    if (page.items.length > 0) this.noteRead(context);
    return page.map((row) => this.view(context, row));
  }

  /** @throws ApiError 404 */
  async get(context: RequestContext, id: string): Promise<V> {
    const row = await this.records.get(context, id);
    this.noteRead(context);
    return this.view(context, row);
  }

  /** One event a read, however many rows it shows. */
  private noteRead(context: RequestContext): void {
    const { masking } = this.rules;
    if (masking !== null && context.principal.scopes.has(masking.scope)) {
      this.tools.reads.note(context, this.rules.resource);
    }
  }

  /** The record whether archived or not: what another record says of its past. @throws ApiError 404 */
  async getInAnyState(context: RequestContext, id: string): Promise<V> {
    return this.view(context, await this.records.get(context, id, 'any'));
  }

  /** @throws ApiError 403 when an agent makes it somebody else's, 404 for references the team does not have, 409 `DUPLICATE` */
  async create(context: RequestContext, input: C): Promise<V> {
    const changes = this.changes(context, Object.assign({}, this.rules.defaults, input), null);
    assertMayWrite(context, this.writeScope, changes.fields.ownerId ?? null);
    return this.view(context, await this.records.create(context, changes));
  }

  /** @throws ApiError 404, 412 for a stale `If-Match`, 403 for somebody else's record, 409 `DUPLICATE` */
  async update(context: RequestContext, id: string, ifMatch: string | null, input: Partial<C>): Promise<V> {
    const before = await this.getForWrite(context, id, ifMatch, this.writeScope);
    const changes = this.changes(context, input, before);
    if (changes.fields.ownerId !== undefined)
      assertMayWrite(context, this.writeScope, changes.fields.ownerId);
    return this.view(context, await this.records.update(context, before, changes));
  }

  /** Archives: the record leaves lists and look-ups and can come back. */
  async archive(context: RequestContext, id: string, ifMatch: string | null): Promise<ArchivedView> {
    const before = await this.getForWrite(context, id, ifMatch, this.deleteScope);
    await this.records.archive(context, before);
    return { id, archived: true };
  }

  /** @throws ApiError 404 when there is no archived record of that id, 409 `DUPLICATE` */
  async restore(context: RequestContext, id: string, allowDuplicate = false): Promise<V> {
    const before = await this.getForWrite(context, id, null, this.writeScope, 'archived');
    return this.view(context, await this.records.restore(context, before, allowDuplicate));
  }

  /**
   * Erases the personal data of a record, live or archived, for good.
   * @throws ApiError 403 for anyone but owners and admins, 404
   */
  async erase(context: RequestContext, id: string): Promise<ErasedView> {
    assertManager(context);
    await this.records.erase(context, await this.records.get(context, id, 'any'));
    return { id, erased: true };
  }

  /** What is kept about a person, live or archived, as far as the caller may see it. @throws ApiError 404 */
  async subject(context: RequestContext, id: string): Promise<V> {
    const row = await this.records.get(context, id, 'any');
    this.noteRead(context);
    return this.view(context, row);
  }

  /** Up to 500 creations, changes and archivings in one request. */
  bulk(context: RequestContext, input: BulkDto): Promise<BulkView> {
    return this.tools.bulk.run(context, this, this.rules.bodies, input);
  }

  /** Reads records once for the operations that follow in this unit of work. */
  async preload(context: RequestContext, ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await this.records.findMany(context, ids);
  }

  /** Last names by id, of archived records too, for masking texts that mention them; never for an answer. */
  async lastNamesOf(context: RequestContext, ids: readonly string[]): Promise<Map<string, string>> {
    const rows = ids.length === 0 ? [] : await this.records.findMany(context, ids, 'any');
    return new Map(
      rows.flatMap((row) => {
        const { lastName } = this.records.personalOf(row) as { lastName?: string | null };
        return lastName ? [[row.id, lastName] as const] : [];
      }),
    );
  }

  /** The record, which the caller may change. @throws ApiError 404, 412 with the fields that changed, 403 */
  async getForWrite(
    context: RequestContext,
    id: string,
    ifMatch: string | null = null,
    scope: Scope = this.writeScope,
    state: RowState = 'live',
  ): Promise<E> {
    const row = await this.records.get(context, id, state);
    if (ifMatch !== null && !ifMatchHolds(ifMatch, row.version)) {
      const read = versionRead(ifMatch) ?? row.version;
      assertIfMatch(ifMatch, row.version, await this.tools.history.changedSince(context, row, read));
    }
    assertMayWrite(context, scope, row.ownerId);
    return row;
  }

  /** What the caller may see of a record; `opened` stands for personal fields that are not written yet. */
  view(context: RequestContext, row: E, opened?: P): V {
    const shown: Record<string, unknown> = { id: row.id };
    Object.assign(shown, this.personalView(context, row, opened));
    for (const name of this.records.plainFields) shown[name] = row[name] ?? null;
    shown.ownerId = row.ownerId ?? null;
    shown.version = row.version;
    shown.createdAt = row.createdAt;
    shown.updatedAt = row.updatedAt;
    return shown as V;
  }

  private personalView(context: RequestContext, row: E, future?: P): Fields {
    const { personalFields } = this.records;
    if (personalFields.length === 0) return {};
    const opened = (future ?? this.records.personalOf(row)) as Fields;
    const values = orNull(opened, personalFields);
    const { masking } = this.rules;
    if (masking === null) return values;
    if (!context.principal.scopes.has(masking.scope)) return masking.mask(values);
    return values;
  }

  /** Splits what was sent into plain and personal fields; what was not sent stays as it was. */
  private changes(context: RequestContext, input: Partial<C>, before: E | null): Changes<E, P> {
    const { personalFields, plainFields } = this.records;
    const old = (before && personalFields.length > 0 ? this.records.personalOf(before) : {}) as Fields;
    if (before) this.refuseMasks(input, old);
    // Not `{ ...a, ...b }`: V8 takes a microsecond for each property that a second spread adds.
    const sent = Object.assign({}, input, this.rules.stored?.(context, input)) as Fields;
    const after = Object.assign({}, before, old, withoutUndefined(sent));
    this.rules.check?.(after, before);
    const fields = pick(sent, [...plainFields, 'ownerId']);
    return {
      fields: Object.assign(fields, this.rules.derived?.(after, before)),
      personal: orNull(after, personalFields) as P,
      allowDuplicate: (input as { allowDuplicate?: boolean }).allowDuplicate,
    };
  }

  /** A masked value that comes back would overwrite the real one with its mask. @throws ApiError 400 */
  private refuseMasks(input: Fields, old: Fields): void {
    const sent = Object.keys(old).filter((field) => typeof input[field] === 'string');
    if (sent.length === 0) return;
    const masks = this.rules.masking?.mask(pick(old, sent)) ?? {};
    for (const [field, mask] of Object.entries(masks)) {
      if (typeof mask === 'string' && mask === input[field] && mask !== old[field])
        throw invalidField(field, 'is masked; send the real value or leave the field out');
    }
  }
}

/** Refuses a cross-field rule in the words of the field that breaks it. */
export function refuse(field: string, message: string): never {
  throw invalidField(field, message);
}

/** A status that cannot follow the present one. */
export function illegalTransition(from: string, to: string, allowed: readonly string[]): ApiError {
  const next = allowed.length === 0 ? 'nothing' : allowed.join(', ');
  return new ApiError('ILLEGAL_TRANSITION', `A record that is ${from} cannot become ${to}.`, {
    details: [{ field: 'status', message: `after ${from} may come: ${next}` }],
  });
}

/** Personal values as those see them who may read the audit log but not the resource. */
function hidden(values: Fields): Record<string, unknown> {
  return Object.fromEntries(Object.keys(values).map((name) => [name, null]));
}

function withoutUndefined(values: Fields): Record<string, unknown> {
  return pick(values, Object.keys(values));
}

function pick(values: Fields, names: readonly string[]): Record<string, unknown> {
  const picked: Record<string, unknown> = {};
  for (const name of names) if (values[name] !== undefined) picked[name] = values[name];
  return picked;
}

function orNull(values: Fields, names: readonly string[]): Record<string, unknown> {
  const all: Record<string, unknown> = {};
  for (const name of names) all[name] = values[name] ?? null;
  return all;
}

import type { EntityTarget } from 'typeorm';
import type { RequestContext } from '../context/request-context.js';
import { newId } from '../crypto/new-id.js';
import { notFound } from '../http/api-error.js';
import { forgetAnswersAbout } from '../http/idempotency/stored-answers.js';
import { Page } from '../http/page.js';
import { diffOfChange, presentFields } from './audit-diff.js';
import type { ChangeAction, RecordedChange } from './change-recorder.js';
import { expectLive, missingReference } from './live-reference.js';
import type { ListQuery } from './list-query.js';
import { type NewRow, NewRows } from './new-rows.js';
import { RowIndex } from './row-index.js';
import { forgetKey, SealedRows } from './sealed-rows.js';
import type { Row } from './statement.js';
import { shapeOf, sortKeyOf, type TableShape } from './table-shape.js';
import type { Changes, TableRules, TeamRow } from './table-rules.js';
import { type RowState, TeamStatements } from './team-statements.js';
import type { TeamStore } from './team-store.js';

type Values = Record<string, unknown>;
const SAME_PERSON = 'Records with this e-mail or phone exist; send allowDuplicate to keep both.';

/**
 * The questions a feature asks of its team table, and the only way to write one: every write is staged in the
 * request's unit of work together with its audit entry, and every statement runs inside the caller's team.
 */
export abstract class TeamRepository<E extends TeamRow, P extends object = Record<string, never>> {
  readonly shape: TableShape;
  private readonly statements: TeamStatements;
  private readonly sealedRows: SealedRows<E, P> | null;
  private readonly index: RowIndex<E> | null;
  private readonly newRows: NewRows<E, P>;
  /** Audited fields in the clear: those that an erasure empties are sealed in audit rows, or history would keep them. */
  private readonly openFields: readonly string[];

  protected constructor(
    protected readonly store: TeamStore,
    entity: EntityTarget<E>,
    readonly rules: TableRules<E, P>,
  ) {
    this.shape = shapeOf(store.source, entity);
    const closed = rules.audited.filter((name) => name in (rules.erased ?? {}));
    this.openFields = rules.audited.filter((name) => !closed.includes(name));
    const sealed = rules.personal
      ? new SealedRows<E, P>(store.cipher, this.shape.table, rules.personal, closed)
      : null;
    const personalTerms = rules.personal?.terms;
    const terms = sealed && personalTerms ? (row: E) => personalTerms(sealed.of(row)) : rules.terms;
    this.sealedRows = sealed;
    this.index = terms ? new RowIndex(store.cipher, terms, rules.duplicate ?? SAME_PERSON) : null;
    this.statements = new TeamStatements(this.shape, sealed !== null, this.index !== null);
    this.newRows = new NewRows(this.statements, sealed, this.index, rules.resourceType, this.openFields);
  }

  /** Name in the audit log. */
  get resourceType(): string {
    return this.rules.resourceType;
  }

  /** Properties in the clear that belong to the resource itself. */
  get plainFields(): readonly string[] {
    return this.rules.audited;
  }

  /** Properties in the sealed value. */
  get personalFields(): readonly string[] {
    return this.rules.personal?.fields ?? [];
  }

  /** The record, or null when this team has none of that id in that state. */
  async find(context: RequestContext, id: string, state: RowState = 'live'): Promise<E | null> {
    const staged = context.workOrNull?.remembered<E>(this.memoryKey(id));
    if (staged) return matches(staged, state) ? staged : null;
    const statement = this.statements.byId(context.principal.teamId, id, state);
    const [raw] = await this.store.database.readQuick(statement);
    return raw ? this.rowOf(raw) : null;
  }

  /** The records of these ids that this team has, live ones unless told otherwise; a unit of work reads them once. */
  async findMany(context: RequestContext, ids: readonly string[], state: RowState = 'live'): Promise<E[]> {
    const found = this.statements.byIds(context.principal.teamId, ids, state);
    const rows = (await this.store.database.runOne(found)).map((raw) => this.rowOf(raw));
    for (const row of rows) context.workOrNull?.remember(this.memoryKey(row.id), row);
    return rows;
  }

  /** @throws ApiError 404, the same for another team's record and for none */
  async get(context: RequestContext, id: string, state: RowState = 'live'): Promise<E> {
    const row = await this.find(context, id, state);
    if (row === null) throw notFound();
    return row;
  }

  /** One page in keyset order. @throws ApiError 400 `INVALID_CURSOR` */
  async list(context: RequestContext, query: ListQuery): Promise<Page<E>> {
    const { teamId } = context.principal;
    const { limit, cursor, ...rest } = query;
    const listName = `${this.shape.table}|${teamId}|${JSON.stringify(rest)}`;
    const position = cursor === null ? null : this.store.cursors.verify(listName, cursor);
    const rows = await this.store.database.runOne(this.statements.list(teamId, query, position));
    const items = rows.slice(0, limit).map((row) => this.rowOf(row));
    const last = items.at(-1);
    const next =
      rows.length > limit && last
        ? this.store.cursors.sign(listName, this.positionOf(last, query.sort))
        : null;
    return new Page(items, next, limit);
  }

  private positionOf(row: E, sort: string): string[] {
    const property = sort.replace(/^-/, '');
    if (property === 'createdAt') return [row.id];
    const value: unknown = row[property] ?? sortKeyOf(this.shape, property).whenNull;
    return [String(value), row.id];
  }

  /** The opened personal fields of a row of this repository. */
  personalOf(row: E): P {
    return this.sealed().of(row);
  }

  /** Blind-index tokens to search by; terms as in the table's rules. */
  tokensFor(context: RequestContext, terms: readonly string[]): Promise<string[]> {
    return this.store.cipher.tokens(context.principal.teamId, terms);
  }

  /** Stages, ahead of what follows, that the row is still as it was read: a slower writer starts again. */
  hold(context: RequestContext, row: E): void {
    context.work.stage({ statement: this.statements.hold(row.teamId, row.id, row.version), change: null });
  }

  /** Stages a new record. @throws ApiError 409 `DUPLICATE` at the commit, with the ids, unless allowed */
  async create(context: RequestContext, { fields, personal, allowDuplicate }: Changes<E, P>): Promise<E> {
    const { teamId } = context.principal;
    const now = this.store.clock.nowIso();
    const own = { id: newId(), teamId, version: 1, createdAt: now, updatedAt: now, archivedAt: null };
    const row = Object.assign({}, fields, own) as unknown as E;
    this.expectReferences(context, row, null);
    const made = await this.newRows.make(row, personal as P);
    if (!allowDuplicate) this.index?.refuseDuplicates(context, row, made.unique);
    const insert = allowDuplicate ? { ...made.statement, afterChecks: true as const } : made.statement;
    this.stage(context, row, insert, made.change);
    return row;
  }

  /**
   * What writes a row of another team, as the database gave it with its wrapped key, into this one under a new key;
   * no request does that, the adoption of orphans does. @throws IntegrityError when it does not open
   */
  adopted(raw: Row, teamId: string, fields: Readonly<Record<string, unknown>>): Promise<NewRow> {
    const from = this.rowOf(raw);
    const row = { ...this.nextVersion(from, fields as Partial<E>), teamId };
    const personal = this.sealedRows?.of(from) ?? ({} as P);
    return this.newRows.make(row, personal, { adoptedFrom: from.teamId });
  }

  /**
   * Stages the changed fields of a record that was read in this request; a patch that alters nothing is
   * reported to the unit of work and returns the record as it was.
   */
  async update(
    context: RequestContext,
    before: E,
    { fields, personal, allowDuplicate }: Changes<E, P>,
  ): Promise<E> {
    const plain = diffOfChange(before, fields, this.openFields);
    const secret = this.sealedRows?.auditDiff(before, fields, personal ?? {}) ?? null;
    if (plain === null && secret === null) {
      context.work.noChange('the patch alters nothing');
      return before;
    }
    const after = this.nextVersion(before, fields);
    const auditId = newId();
    this.expectReferences(context, after, before);
    let audit: Buffer | null = null;
    if (secret) {
      const sealed = this.sealed();
      const merged = { ...sealed.of(before), ...personal };
      Object.assign(after, { sealed: sealed.seal(after, sealed.keyOf(before), merged) });
      audit = sealed.sealAudit(after, auditId, { old: secret.oldValues, new: secret.newValues });
    }
    if (secret !== null || !this.rules.personal?.terms)
      await this.index?.reindex(context, before, after, allowDuplicate ?? false);
    const { oldValues, newValues } = plain ?? { oldValues: null, newValues: null };
    const change = this.change(auditId, 'UPDATE', before, oldValues, newValues, audit);
    this.stage(context, after, this.statements.update(after, before.version), change);
    return after;
  }

  /** Stages the archiving of a record: it is gone from every list and look-up, and can be restored. */
  async archive(context: RequestContext, before: E): Promise<void> {
    const after = this.nextVersion(before, { archivedAt: this.store.clock.nowIso() } as Partial<E>);
    const auditId = newId();
    await this.index?.unindex(context, before);
    const { sealedRows } = this;
    const audit = sealedRows?.sealAudit(before, auditId, { old: sealedRows.auditValues(before) }) ?? null;
    const plain = presentFields(before, this.openFields);
    const change = this.change(auditId, 'DELETE', before, plain, null, audit);
    this.stage(context, after, this.statements.update(after, before.version), change);
  }

  /** Stages the return of an archived record. @throws ApiError 409 `DUPLICATE` at the commit */
  async restore(context: RequestContext, before: E, allowDuplicate: boolean): Promise<E> {
    const after = this.nextVersion(before, { archivedAt: null } as Partial<E>);
    await this.index?.index(context, before, allowDuplicate);
    const { archivedAt } = before;
    const change = this.change(newId(), 'UPDATE', before, { archivedAt }, { archivedAt: null }, null);
    this.stage(context, after, this.statements.update(after, before.version), change);
    return after;
  }

  /**
   * Stages the erasure of a record's personal data: the data key, the search tokens, the sealed value and stored
   * answers go, an archived shell without a name stays. What the audit log sealed under the key is unreadable
   * from then on, its bytes and their seal are as they were. Without its key no read finds the record again.
   */
  async erase(context: RequestContext, before: E): Promise<void> {
    const { teamId, id } = before;
    const shell = { ...this.rules.erased, sealed: Buffer.alloc(0), archivedAt: this.store.clock.nowIso() };
    const after = this.nextVersion(before, shell as unknown as Partial<E>);
    await this.index?.unindex(context, before);
    const change = this.change(newId(), 'DELETE', before, null, { erased: true }, null);
    this.stage(context, after, this.statements.update(after, before.version), change);
    context.work.stage({ statement: forgetKey(teamId, id), change: null });
    context.work.stage({ statement: forgetAnswersAbout(teamId, id), change: null });
  }

  /** Stages the check that every newly named record is there and live; the foreign keys would take archived ones. */
  private expectReferences(context: RequestContext, row: E, before: E | null): void {
    for (const [property, table] of Object.entries(this.rules.references ?? {})) {
      const id: unknown = row[property];
      if (typeof id !== 'string' || id === before?.[property]) continue;
      const statement = expectLive(row.teamId, table, id);
      context.work.stage({ statement, change: null, explain: missingReference });
    }
  }

  private stage(
    context: RequestContext,
    row: E,
    statement: ReturnType<TeamStatements['update']>,
    change: RecordedChange,
  ): void {
    context.work.stage({ statement, change, explain: missingReference });
    context.work.remember(this.memoryKey(row.id), row);
  }

  private nextVersion(before: E, fields: Partial<E>): E {
    // The spread keeps the opened personal data, too.
    const updatedAt = this.store.clock.nowIso();
    return { ...before, ...fields, version: before.version + 1, updatedAt };
  }

  private rowOf(raw: Row): E {
    const row: Record<string, unknown> = {};
    for (const { property, column } of this.shape.columns) row[property] = raw[column];
    this.sealedRows?.open(row as E, raw.wrapped as Buffer, raw.sealed as Buffer);
    return row as E;
  }

  private sealed(): SealedRows<E, P> {
    if (!this.sealedRows) throw new Error(`${this.shape.table} holds no personal data`);
    return this.sealedRows;
  }

  private change(
    id: string,
    action: ChangeAction,
    row: E,
    oldValues: Values | null,
    newValues: Values | null,
    sealed: Buffer | null,
  ): RecordedChange {
    const { resourceType } = this.rules;
    return { id, action, resourceType, resourceId: row.id, oldValues, newValues, sealed };
  }

  private memoryKey(id: string): string {
    return `${this.shape.table}:${id}`;
  }
}

function matches(row: TeamRow, state: RowState): boolean {
  return state === 'any' || (row.archivedAt === null) === (state === 'live');
}

import { createHash } from 'node:crypto';
import { manyInserts } from './many-inserts.js';
import { firstIdOf, type ListQuery, Parameters } from './list-query.js';
import type { ManyAtOnce, Statement } from './statement.js';
import { columnOf, sortKeyOf, type TableShape } from './table-shape.js';
import { inTenant } from './tenant-read.js';

/** More filters than this at once are rare; such a list is parsed each time instead of prepared for good. */
const MAX_NAMED_CONDITIONS = 3;

/** Archived records are live no longer; `any` is for their history. */
export type RowState = 'live' | 'archived' | 'any';

const STATE_CONDITION: Record<RowState, string> = {
  live: 'AND t.archived_at IS NULL',
  archived: 'AND t.archived_at IS NOT NULL',
  any: '',
};

/** One more than the largest page. */
const PLANNED_ROWS = 101;

/** Where a list continues: the sort value (absent when sorting by id) and the id of the last row. */
export type Position = readonly string[];

/**
 * The statements of one team table. Reads are ONE named statement that sets the tenant and reads in it:
 * the setting lives for that statement, and the LIMIT inside the LATERAL keeps the planner from touching
 * the table first (a spec reads the plan). See docs/decisions/0004.
 */
export class TeamStatements {
  private readonly table: string;
  private readonly selected: string;
  private readonly insertText: string;
  private readonly insertMany: ManyAtOnce;
  private readonly updateText: string;
  private readonly updatedColumns: TableShape['columns'];

  /**
   * @param sealed whether rows carry personal data under a data key of their own
   * @param indexed whether rows have tokens in the blind index
   */
  constructor(
    private readonly shape: TableShape,
    private readonly sealed: boolean,
    private readonly indexed: boolean,
  ) {
    this.table = shape.table;
    const columns = shape.columns.map(({ column }) => column);
    this.selected = columns.map((column) => `t.${column}`).join(', ') + (sealed ? ', k.wrapped' : '');
    this.updatedColumns = shape.columns.filter(
      ({ column }) => !['team_id', 'id', 'created_at'].includes(column),
    );
    const assignments = this.updatedColumns.map(({ column }, i) => `${column} = $${i + 4}`).join(', ');
    this.insertText = this.buildInsert(columns);
    this.insertMany = manyInserts(shape, sealed, indexed);
    this.updateText = `WITH w AS (UPDATE ${this.table} SET ${assignments}
      WHERE team_id = $1 AND id = $2 AND version = $3 RETURNING 1)
      SELECT latchkey.expect_written((SELECT count(*) FROM w))`;
  }

  /**
   * One look-up per row. As a plain join the planner may merge the two indexes, and a page deep in a list then
   * reads every key before it; the LIMIT keeps the subquery on the inner side.
   */
  private get keyJoin(): string {
    const key =
      'SELECT k.wrapped FROM data_keys k WHERE k.team_id = t.team_id AND k.subject_id = t.id LIMIT 1';
    return this.sealed ? ` CROSS JOIN LATERAL (${key}) k` : '';
  }

  private buildInsert(columns: readonly string[]): string {
    const placeholders = columns.map((_, i) => `$${i + 1}`).join(', ');
    const n = columns.length;
    const team = `$${columns.indexOf('team_id') + 1}`;
    const id = `$${columns.indexOf('id') + 1}`;
    const companions: string[] = [];
    if (this.indexed)
      companions.push(`b AS (INSERT INTO blind_index (team_id, token, subject_id)
        SELECT ${team}, token, ${id} FROM unnest($${n + 1}::uuid[]) token)`);
    if (this.sealed)
      companions.push(`k AS (INSERT INTO data_keys (team_id, subject_id, subject_type, wrapped, master_key_id)
        VALUES (${team}, ${id}, '${this.table}', $${n + companions.length + 1}, $${n + companions.length + 2}))`);
    const also = companions.length === 0 ? '' : `WITH ${companions.join(', ')} `;
    return `${also}INSERT INTO ${this.table} (${columns.join(', ')}) VALUES (${placeholders})`;
  }

  byId(teamId: string, id: string, state: RowState): Statement {
    return {
      name: `${this.table}:get:${state}`,
      text: inTenant(
        `SELECT ${this.selected} FROM ${this.table} t${this.keyJoin}
         WHERE t.team_id = $1::uuid AND t.id = $2 ${STATE_CONDITION[state]} AND x.team IS NOT NULL LIMIT 1`,
      ),
      values: [teamId, id],
    };
  }

  /** The rows of these ids, in no particular order. */
  byIds(teamId: string, ids: readonly string[]): Statement {
    return {
      name: `${this.table}:get-many`,
      text: inTenant(
        `SELECT ${this.selected} FROM ${this.table} t${this.keyJoin}
         WHERE t.team_id = $1::uuid AND t.id = ANY($2::uuid[]) AND t.archived_at IS NULL AND x.team IS NOT NULL LIMIT 1000`,
      ),
      values: [teamId, ids],
    };
  }

  /** Holds a row for this transaction; ends the unit when it is no longer of that version. */
  hold(teamId: string, id: string, version: number): Statement {
    return {
      name: `${this.table}:hold`,
      text: `SELECT latchkey.expect_written((SELECT count(*) FROM
        (SELECT FROM ${this.table} WHERE team_id = $1 AND id = $2 AND version = $3 FOR UPDATE) r))`,
      values: [teamId, id, version],
    };
  }

  list(teamId: string, query: ListQuery, position: Position | null): Statement {
    const parameters = new Parameters();
    parameters.add(teamId);
    const conditions = ['t.team_id = $1::uuid', 't.archived_at IS NULL', 'x.team IS NOT NULL'];
    let from = `${this.table} t`;
    let idColumn = 't.id';
    query.tokens.forEach((token, index) => {
      const wanted = parameters.add(token);
      if (index === 0) {
        // The index is ordered by subject within a token, which is the order of the list.
        from = `blind_index b JOIN ${this.table} t ON t.team_id = b.team_id AND t.id = b.subject_id`;
        idColumn = 'b.subject_id';
        conditions.push('b.team_id = $1::uuid', `b.token = ${wanted}::uuid`);
      } else {
        conditions.push(
          `EXISTS (SELECT FROM blind_index o WHERE o.team_id = $1::uuid AND o.token = ${wanted}::uuid AND o.subject_id = t.id)`,
        );
      }
    });
    for (const [property, value] of Object.entries(query.equal)) {
      if (value !== undefined)
        conditions.push(`t.${columnOf(this.shape, property)} = ${parameters.add(value)}`);
    }
    for (const { property, compare, value } of query.bounds ?? []) {
      const { expression, whenNull } = sortKeyOf(this.shape, property);
      conditions.push(`${expression} ${compare} ${parameters.add(value)}`);
      if (whenNull !== null) conditions.push(`t.${columnOf(this.shape, property)} IS NOT NULL`);
    }
    if (query.createdAfter !== null) {
      conditions.push(`${idColumn} >= ${parameters.add(firstIdOf(query.createdAfter))}::uuid`);
      conditions.push(`t.created_at > ${parameters.add(query.createdAfter)}`);
    }
    if (query.updatedAfter !== null) conditions.push(`t.updated_at > ${parameters.add(query.updatedAfter)}`);
    const order = this.order(query.sort, idColumn, position, conditions, parameters);
    const text = inTenant(`SELECT ${this.selected} FROM ${from}${this.keyJoin}
       WHERE ${conditions.join(' AND ')} ORDER BY ${order} LIMIT ${PLANNED_ROWS}`).concat(
      // The planner does not know a parameter's value: the constant shapes the plan, this one ends it early.
      ` LIMIT ${parameters.add(query.limit + 1)}`,
    );
    const narrow = conditions.length <= 3 + MAX_NAMED_CONDITIONS;
    return { name: narrow ? nameOf(`${this.table}:list`, text) : null, text, values: parameters.values };
  }

  /** Adds the keyset condition and returns the ORDER BY. Creation order is id order, so that sort needs no second column. */
  private order(
    sort: string,
    idColumn: string,
    position: Position | null,
    conditions: string[],
    parameters: Parameters,
  ): string {
    const descending = sort.startsWith('-');
    const property = descending ? sort.slice(1) : sort;
    const [direction, compare] = descending ? ['DESC', '<'] : ['ASC', '>'];
    if (property === 'createdAt') {
      if (position) conditions.push(`${idColumn} ${compare} ${parameters.add(position[0])}::uuid`);
      return `${idColumn} ${direction}`;
    }
    const { expression } = sortKeyOf(this.shape, property);
    if (position) {
      conditions.push(
        `(${expression}, ${idColumn}) ${compare} (${parameters.add(position[0])}, ${parameters.add(position[1])}::uuid)`,
      );
    }
    return `${expression} ${direction}, ${idColumn} ${direction}`;
  }

  insert(
    row: Readonly<Record<string, unknown>>,
    tokens: readonly string[],
    key: { wrapped: Buffer; masterKeyId: string } | null,
  ): Statement {
    const values: unknown[] = this.shape.columns.map((column) => valueOf(row, column));
    if (this.indexed) values.push(tokens);
    if (key) values.push(key.wrapped, key.masterKeyId);
    return { name: `${this.table}:insert`, text: this.insertText, values, many: this.insertMany };
  }

  /** Overwrites the row of the version that was read; ends the unit when there is none. */
  update(row: Readonly<Record<string, unknown>>, readVersion: number): Statement {
    const values = [
      row.teamId,
      row.id,
      readVersion,
      ...this.updatedColumns.map((column) => valueOf(row, column)),
    ];
    return { name: `${this.table}:update`, text: this.updateText, values };
  }
}

function valueOf(
  row: Readonly<Record<string, unknown>>,
  column: { property: string; isJson: boolean },
): unknown {
  const value = row[column.property] ?? null;
  return column.isJson && value !== null ? JSON.stringify(value) : value;
}

function nameOf(prefix: string, text: string): string {
  return `${prefix}:${createHash('sha256').update(text).digest('base64url').slice(0, 16)}`;
}

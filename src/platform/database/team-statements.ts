import type { ListQuery } from './list-query.js';
import { ListStatement, type Position } from './list-statement.js';
import { manyInserts } from './many-inserts.js';
import type { ManyAtOnce, Statement } from './statement.js';
import type { TableShape } from './table-shape.js';
import { inTenant } from './tenant-read.js';

/** Archived records are live no longer; `any` is for their history. */
export type RowState = 'live' | 'archived' | 'any';

const STATE_CONDITION: Record<RowState, string> = {
  live: 'AND t.archived_at IS NULL',
  archived: 'AND t.archived_at IS NOT NULL',
  any: '',
};

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
      SELECT CASE WHEN NOT EXISTS (SELECT FROM w) THEN latchkey.expect_written(0) END`;
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
  byIds(teamId: string, ids: readonly string[], state: RowState): Statement {
    return {
      name: `${this.table}:get-many:${state}`,
      text: inTenant(
        `SELECT ${this.selected} FROM ${this.table} t${this.keyJoin}
         WHERE t.team_id = $1::uuid AND t.id = ANY($2::uuid[]) ${STATE_CONDITION[state]} AND x.team IS NOT NULL LIMIT 1000`,
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
    const { selected, keyJoin } = this;
    return new ListStatement(this.shape, { selected, keyJoin }, query, position).build(teamId);
  }

  insert(
    row: Readonly<Record<string, unknown>>,
    tokens: readonly string[],
    key: { wrapped: Buffer; masterKeyId: string } | null,
  ): Statement {
    const values: unknown[] = this.shape.columns.map((column) => valueOf(row, column));
    if (this.indexed) values.push(tokens);
    if (key) values.push(key.wrapped, key.masterKeyId);
    const text = this.insertText;
    return { name: `${this.table}:insert`, text, values, many: this.insertMany, mayBeAccompanied: true };
  }

  /** Overwrites the row of the version that was read; ends the unit when there is none. */
  update(row: Readonly<Record<string, unknown>>, readVersion: number): Statement {
    const values = [
      row.teamId,
      row.id,
      readVersion,
      ...this.updatedColumns.map((column) => valueOf(row, column)),
    ];
    return { name: `${this.table}:update`, text: this.updateText, values, mayBeAccompanied: true };
  }
}

function valueOf(
  row: Readonly<Record<string, unknown>>,
  column: { property: string; isJson: boolean },
): unknown {
  const value = row[column.property] ?? null;
  return column.isJson && value !== null ? JSON.stringify(value) : value;
}

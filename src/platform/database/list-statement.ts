import { createHash } from 'node:crypto';
import { firstIdOf, type ListQuery, Parameters } from './list-query.js';
import type { Statement } from './statement.js';
import { columnOf, sortKeyOf, type TableShape } from './table-shape.js';
import { inTenant } from './tenant-read.js';

/** More filters than this at once are rare; such a list is parsed each time instead of prepared for good. */
const MAX_NAMED_CONDITIONS = 3;

const LEAST_ID = `'00000000-0000-0000-0000-000000000000'::uuid`;
const GREATEST_ID = `'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid`;

/** One more than the largest page. */
const PLANNED_ROWS = 101;

/** Where a list continues: the sort value (absent when sorting by id) and the id of the last row. */
export type Position = readonly string[];

/** What is read of a row, and from where besides the table itself. */
export interface ListedRow {
  readonly selected: string;
  readonly keyJoin: string;
}

/**
 * The statement of one page of a list, and the place where its plan is decided: for a list, a search, or one filter the
 * planner is left one index that has the rows in the order of the list (test/e2e/list-plans.e2e.ts).
 */
export class ListStatement {
  private readonly parameters = new Parameters();
  private readonly conditions: string[] = [];
  private from: string;
  private idColumn = 't.id';
  /** The filter whose index the list walks: its column, the placeholder of its value, and the first id that counts. */
  private walked: { readonly column: string; readonly value: string; readonly least: string } | null = null;

  constructor(
    private readonly shape: TableShape,
    private readonly row: ListedRow,
    private readonly query: ListQuery,
    private readonly position: Position | null,
  ) {
    this.from = `${shape.table} t`;
  }

  build(teamId: string): Statement {
    this.parameters.add(teamId);
    this.search();
    this.filter();
    const order = this.order();
    const always = 't.team_id = $1::uuid AND t.archived_at IS NULL AND x.team IS NOT NULL';
    const text = inTenant(`SELECT ${this.row.selected} FROM ${this.from}${this.row.keyJoin}
       WHERE ${[always, ...this.conditions].join(' AND ')} ORDER BY ${order} LIMIT ${PLANNED_ROWS}`).concat(
      // The planner does not know a parameter's value: the constant shapes the plan, this one ends it early.
      ` LIMIT ${this.parameters.add(this.query.limit + 1)}`,
    );
    const { values } = this.parameters;
    const isNarrow = this.conditions.length <= MAX_NAMED_CONDITIONS;
    return { name: isNarrow ? nameOf(`${this.shape.table}:list`, text) : null, text, values };
  }

  private search(): void {
    const { table } = this.shape;
    this.query.tokens.forEach((token, index) => {
      const wanted = this.parameters.add(token);
      if (index === 0) {
        // The index is ordered by subject within a token, which is the order of the list. The LIMIT keeps the table on the
        // inner side: of a frequent word the planner would rather read the whole table and sort.
        this.from = `blind_index b CROSS JOIN LATERAL
          (SELECT * FROM ${table} t WHERE t.team_id = b.team_id AND t.id = b.subject_id LIMIT 1) t`;
        this.idColumn = 'b.subject_id';
        this.conditions.push(`b.team_id = $1::uuid AND b.token = ${wanted}::uuid`);
      } else {
        this.conditions.push(
          `EXISTS (SELECT FROM blind_index o WHERE o.team_id = $1::uuid AND o.token = ${wanted}::uuid AND o.subject_id = t.id)`,
        );
      }
    });
  }

  /**
   * A list with one filter walks that filter's index. A plain equality would leave the planner the choice between it and a
   * walk through everybody's newest rows: it knows no parameter's value, so for a filter of few values it takes the walk,
   * and reads a whole team for a rare one. Written as a range of (value, id) pairs that begins and ends at the one value, the
   * rows are the same, the column may lead the order, and only the filter's index has them so.
   */
  private filter(): void {
    const { equal, bounds = [], createdAfter, updatedAfter, tokens } = this.query;
    const filters = Object.entries(equal).filter(([, value]) => value !== undefined);
    const isAlone = filters.length === 1 && tokens.length + bounds.length === 0 && updatedAfter === null;
    for (const [property, value] of filters) {
      const column = `t.${columnOf(this.shape, property)}`;
      if (isAlone && this.isByCreation) {
        this.walked = { column, value: this.parameters.add(value), least: LEAST_ID };
      } else {
        this.conditions.push(`${column} = ${this.parameters.add(value)}`);
      }
    }
    for (const { property, compare, value } of bounds) {
      const { expression, whenNull } = sortKeyOf(this.shape, property);
      this.conditions.push(`${expression} ${compare} ${this.parameters.add(value)}`);
      if (whenNull !== null) this.conditions.push(`t.${columnOf(this.shape, property)} IS NOT NULL`);
    }
    if (createdAfter !== null) {
      const first = `${this.parameters.add(firstIdOf(createdAfter))}::uuid`;
      if (this.walked) this.walked = { ...this.walked, least: first };
      else this.conditions.push(`${this.idColumn} >= ${first}`);
      this.conditions.push(`t.created_at > ${this.parameters.add(createdAfter)}`);
    }
    if (updatedAfter !== null) this.conditions.push(`t.updated_at > ${this.parameters.add(updatedAfter)}`);
  }

  /** Creation order is id order, so that sort needs no second column. */
  private get isByCreation(): boolean {
    return this.query.sort.endsWith('createdAt');
  }

  /** Adds the keyset condition and returns the ORDER BY. */
  private order(): string {
    const { idColumn, position } = this;
    const isDescending = this.query.sort.startsWith('-');
    const [direction, compare] = isDescending ? (['DESC', '<'] as const) : (['ASC', '>'] as const);
    if (this.isByCreation) {
      const after = position ? `${this.parameters.add(position[0])}::uuid` : null;
      if (this.walked) return this.walk(this.walked, direction, after);
      if (after) this.conditions.push(`${idColumn} ${compare} ${after}`);
      return `${idColumn} ${direction}`;
    }
    const { expression } = sortKeyOf(this.shape, this.query.sort.replace(/^-/, ''));
    if (position) {
      const [value, id] = position.map((each) => this.parameters.add(each));
      this.conditions.push(`(${expression}, ${idColumn}) ${compare} (${value}, ${id}::uuid)`);
    }
    return `${expression} ${direction}, ${idColumn} ${direction}`;
  }

  /** Adds the range of the walked filter, from where the last page ended. */
  private walk(
    { column, value, least }: NonNullable<ListStatement['walked']>,
    direction: 'ASC' | 'DESC',
    after: string | null,
  ): string {
    const pair = `(${column}, ${this.idColumn})`;
    const isUp = direction === 'ASC';
    this.conditions.push(
      `${pair} ${isUp && after ? '>' : '>='} (${value}, ${isUp && after ? `greatest(${after}, ${least})` : least})`,
      `${pair} ${!isUp && after ? '<' : '<='} (${value}, ${(!isUp && after) || GREATEST_ID})`,
    );
    return `${column} ${direction}, ${this.idColumn} ${direction}`;
  }
}

function nameOf(prefix: string, text: string): string {
  return `${prefix}:${createHash('sha256').update(text).digest('base64url').slice(0, 16)}`;
}

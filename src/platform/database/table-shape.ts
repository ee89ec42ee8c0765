import type { DataSource, EntityTarget, ObjectLiteral } from 'typeorm';

export interface ColumnShape {
  readonly property: string;
  readonly column: string;
  readonly isJson: boolean;
  readonly isNullable: boolean;
  readonly type: string;
}

/** A column as lists order by it. */
export interface SortKey {
  readonly expression: string;
  /** What stands for null in the order, as text; null for a column that is never null. */
  readonly whenNull: string | null;
}

/** Row comparisons know no null, so one extreme value stands for it; the index has the same expression. */
const WHEN_NULL: Readonly<Record<string, { text: string; sql: string }>> = {
  bigint: { text: '-1', sql: `'-1'::bigint` },
  timestamptz: { text: 'infinity', sql: `'infinity'::timestamptz` },
};

/** A team table as TypeORM's metadata describes it; statements are built from it once. */
export interface TableShape {
  readonly table: string;
  readonly columns: readonly ColumnShape[];
}

/** @throws when the entity has no team, id or version column: such a table is not for a team repository */
export function shapeOf<E extends ObjectLiteral>(source: DataSource, entity: EntityTarget<E>): TableShape {
  const metadata = source.getMetadata(entity);
  const columns = metadata.columns.map((column) => ({
    property: column.propertyName,
    column: column.databaseName,
    isJson: column.type === 'jsonb',
    isNullable: column.isNullable,
    type: String(column.type),
  }));
  for (const needed of ['team_id', 'id', 'version', 'created_at', 'updated_at']) {
    if (!columns.some(({ column }) => column === needed)) {
      throw new Error(`${metadata.tableName} has no column ${needed}`);
    }
  }
  return { table: metadata.tableName, columns };
}

/** The column of a property; throws for a name that is not one, so that no caller's text reaches SQL. */
export function columnOf(shape: TableShape, property: string): string {
  return shapeOfColumn(shape, property).column;
}

/** @throws for a property that is none, or that may be null and has no place for it in the order */
export function sortKeyOf(shape: TableShape, property: string): SortKey {
  const { column, isNullable, type } = shapeOfColumn(shape, property);
  if (!isNullable) return { expression: `t.${column}`, whenNull: null };
  const extreme = WHEN_NULL[type];
  if (!extreme) throw new Error(`${shape.table} cannot be sorted by ${property}`);
  return { expression: `coalesce(t.${column}, ${extreme.sql})`, whenNull: extreme.text };
}

function shapeOfColumn(shape: TableShape, property: string): ColumnShape {
  const found = shape.columns.find((column) => column.property === property);
  if (!found) throw new Error(`${shape.table} has no property ${property}`);
  return found;
}

import type { DataSource, EntityTarget, ObjectLiteral } from 'typeorm';

export interface ColumnShape {
  readonly property: string;
  readonly column: string;
  readonly isJson: boolean;
}

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
  const found = shape.columns.find((column) => column.property === property);
  if (!found) throw new Error(`${shape.table} has no property ${property}`);
  return found.column;
}

import type { Row, Statement } from '../platform/database/statement.js';
import type { TableRules, TeamRow } from '../platform/database/table-rules.js';
import type { TableShape } from '../platform/database/table-shape.js';
import type { TeamRepository } from '../platform/database/team.repository.js';

/** Rows that are in memory at a time. */
export const BATCH = 500;

/** Any team table's repository, as far as adoption needs it. */
export interface AnyRepository {
  readonly shape: TableShape;
  readonly rules: Pick<TableRules<TeamRow, object>, 'resourceType' | 'references'> & {
    readonly personal: object | null;
  };
  readonly adopted: TeamRepository<TeamRow, object>['adopted'];
}

/** Runs statements as a team, in the one transaction of the command; returns the rows of the first. */
export type RunAs = (teamId: string, statements: readonly Statement[]) => Promise<readonly Row[]>;

/** A statement that is parsed each time. */
export function plain(text: string, values: readonly unknown[] = []): Statement {
  return { name: null, text, values };
}

/** Column of a property that holds an id: `convertedClientId` is `converted_client_id`. */
export function columnName(property: string): string {
  return property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

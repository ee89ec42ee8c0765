import { newId } from '../platform/crypto/new-id.js';
import {
  type ChangeRecorder,
  type RecordedChange,
  systemActor,
} from '../platform/database/change-recorder.js';
import type { Row } from '../platform/database/statement.js';
import { type AnyRepository, BATCH, columnName, plain, type RunAs } from './orphan-records.js';

/** A property that names a row of another table, and how a row of the team is found there. */
interface Link {
  readonly property: string;
  readonly column: string;
  readonly target: string;
  readonly targetColumn: string;
}

/** Owners who are no members, and references to records that the team does not have. */
export class OrphanLinks {
  /** Of the audit rows: one for the whole run. */
  readonly requestId = `adopt-orphans-${newId()}`;

  constructor(
    private readonly run: RunAs,
    private readonly recorder: ChangeRecorder,
    private readonly teamId: string,
  ) {}

  /** Which values of a column are ids of rows that the team has. */
  async known(target: string, rows: readonly Row[], column: string, targetColumn = 'id') {
    const wanted = rows.flatMap((row) => (typeof row[column] === 'string' ? [row[column]] : []));
    const text = `SELECT ${targetColumn} AS id FROM ${target} WHERE team_id = $1 AND ${targetColumn} = ANY ($2::uuid[])`;
    const found = await this.run(this.teamId, [plain(text, [this.teamId, wanted])]);
    const ids = new Set(found.map(({ id }) => id));
    return (id: unknown): boolean => ids.has(id);
  }

  /** For each row the properties that must be emptied for it to belong to the team. */
  async corrections(repository: AnyRepository, rows: readonly Row[]): Promise<Record<string, null>[]> {
    const corrections = rows.map((): Record<string, null> => ({}));
    for (const { property, column, target, targetColumn } of linksOf(repository)) {
      const isThere = await this.known(target, rows, column, targetColumn);
      rows.forEach((row, i) => {
        if (row[column] !== null && !isThere(row[column])) corrections[i][property] = null;
      });
    }
    return corrections;
  }

  /** Empties what does not belong in records that the team has already, each with an audit row. */
  async mend(repository: AnyRepository): Promise<{ unassigned: number; unlinked: number }> {
    let [unassigned, unlinked] = [0, 0];
    for (const link of linksOf(repository)) {
      const mended = await this.mendLink(repository, link);
      if (link.property === 'ownerId') unassigned += mended;
      else unlinked += mended;
    }
    return { unassigned, unlinked };
  }

  private async mendLink(repository: AnyRepository, link: Link): Promise<number> {
    const { property, column, target, targetColumn } = link;
    const { table } = repository.shape;
    const { resourceType } = repository.rules;
    const find = `SELECT id, ${column} AS broken FROM ${table} r WHERE team_id = $1 AND ${column} IS NOT NULL
      AND NOT EXISTS (SELECT FROM ${target} l WHERE l.team_id = $1 AND l.${targetColumn} = r.${column})
      ORDER BY id LIMIT ${BATCH} FOR UPDATE OF r`;
    for (let mended = 0; ;) {
      const rows = await this.run(this.teamId, [plain(find, [this.teamId])]);
      if (rows.length === 0) return mended;
      const changes = rows.map(({ id, broken }): RecordedChange => ({
        id: newId(),
        action: 'UPDATE',
        resourceType,
        resourceId: id as string,
        oldValues: { [property]: broken },
        newValues: { [property]: null },
        sealed: null,
      }));
      const update = `UPDATE ${table} SET ${column} = NULL, version = version + 1, updated_at = now() WHERE team_id = $1 AND id = ANY ($2::uuid[])`;
      await this.run(this.teamId, [
        plain(update, [this.teamId, rows.map(({ id }) => id)]),
        ...this.recorder.statements(systemActor(this.teamId, this.requestId), changes),
      ]);
      mended += rows.length;
    }
  }
}

function linksOf({ rules: { references = {} } }: AnyRepository): Link[] {
  const owner = { property: 'ownerId', column: 'owner_id', target: 'memberships', targetColumn: 'user_id' };
  const records = Object.entries(references).map(([property, target]) => ({
    property,
    column: columnName(property),
    target,
    targetColumn: 'id',
  }));
  return [owner, ...records];
}

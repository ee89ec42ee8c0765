import { newId } from '../platform/crypto/new-id.js';
import { tokenHolders } from '../platform/database/blind-index.js';
import { type ChangeRecorder, systemActor } from '../platform/database/change-recorder.js';
import { type Database, enter } from '../platform/database/database.js';
import { IntegrityError } from '../platform/crypto/aead.js';
import type { NewRow } from '../platform/database/new-rows.js';
import type { Row, Statement } from '../platform/database/statement.js';
import type { AdoptionReport, LeftRecord, TableReport } from './adoption-report.js';
import { OrphanLinks } from './orphan-links.js';
import { type AnyRepository, BATCH, columnName, plain, type RunAs } from './orphan-records.js';

/** Tables with a number that no two live records of a team share; of people a team may have two, and merge them. */
const NUMBERED: ReadonlySet<string> = new Set(['listings', 'escrows']);
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/** Records of more than one team that is gone: whoever runs the command says which. */
export class SeveralTeamsError extends Error {
  constructor(teamIds: readonly string[]) {
    super(`There are records of several teams that are gone; name one with --from: ${teamIds.join(', ')}.`);
    this.name = 'SeveralTeamsError';
  }
}

/** No record belongs to that team, or it is not gone. */
export class UnknownTeamError extends Error {
  constructor(teamId: string) {
    super(`There are no records of a team ${teamId} that is gone.`);
    this.name = 'UnknownTeamError';
  }
}

/** Gives the records of a team that is gone to a team that is there; docs/decisions/0022. */
export class OrphanAdoption {
  private readonly report = new Map<string, TableReport>();
  private readonly links: OrphanLinks;

  /**
   * @param database of ONE connection, the owner's: what runs on it is one transaction
   * @param repositories tables that others refer to come before those
   */
  constructor(
    private readonly database: Database,
    private readonly repositories: readonly AnyRepository[],
    private readonly recorder: ChangeRecorder,
    private readonly teamId: string,
  ) {
    this.links = new OrphanLinks(this.inTeam, recorder, teamId);
  }

  /**
   * All or nothing; a dry run does the same and takes it back, so its counts are exact.
   * @param from the team that is gone; without it there must be one only, because its records and another's become one team's
   * @throws SeveralTeamsError, UnknownTeamError
   */
  async run(dryRun: boolean, from?: string): Promise<AdoptionReport> {
    await this.database.run([plain('BEGIN')]);
    try {
      await this.adoptAll(from);
      await this.database.run([plain(dryRun ? 'ROLLBACK' : 'COMMIT')]);
      return this.report;
    } catch (error) {
      await this.database.run([plain('ROLLBACK')]).catch(() => undefined);
      throw error;
    }
  }

  private async adoptAll(from: string | undefined): Promise<void> {
    await this.database.run([
      plain('CREATE TEMPORARY TABLE adopted (place text, id uuid, PRIMARY KEY (place, id)) ON COMMIT DROP'),
    ]);
    for (const { shape } of this.repositories)
      this.report.set(shape.table, { adopted: 0, unassigned: 0, unlinked: 0, left: [] });
    const gone = await this.goneTeam(from);
    if (gone !== null) {
      for (const repository of this.repositories) await this.adoptTable(repository, gone);
      await this.remove(gone);
    }
    for (const repository of this.repositories) {
      const { unassigned, unlinked } = await this.links.mend(repository);
      const table = this.of(repository);
      table.unassigned += unassigned;
      table.unlinked += unlinked;
    }
  }

  private async goneTeam(from: string | undefined): Promise<string | null> {
    const rows = await this.database.runOne(plain('SELECT team_id FROM latchkey.teams_that_are_gone()'));
    const gone = rows.map(({ team_id }) => String(team_id));
    if (from !== undefined) {
      if (!gone.includes(from.toLowerCase())) throw new UnknownTeamError(from);
      return from.toLowerCase();
    }
    if (gone.length > 1) throw new SeveralTeamsError(gone);
    return gone[0] ?? null;
  }

  private async adoptTable(repository: AnyRepository, goneTeamId: string): Promise<void> {
    for (let after = FIRST_ID; ;) {
      const rows = await this.inTeam(goneTeamId, [batchOf(repository.shape.table, goneTeamId, after)]);
      if (rows.length === 0) return;
      after = rows[rows.length - 1].id as string;
      await this.adoptRows(repository, rows);
    }
  }

  private async adoptRows(repository: AnyRepository, rows: readonly Row[]): Promise<void> {
    const report = this.of(repository);
    const leave = (row: Row, reason: LeftRecord['reason']): void =>
      void report.left.push({ id: row.id as string, teamId: row.team_id as string, reason });
    const isThere = await this.links.known(repository.shape.table, rows, 'id');
    const corrections = await this.links.corrections(repository, rows);
    const made: NewRow[] = [];
    for (const [i, row] of rows.entries()) {
      const adopted = isThere(row.id) ? 'taken' : await this.open(repository, row, corrections[i]);
      if (typeof adopted === 'string') {
        leave(row, adopted);
        continue;
      }
      made.push(adopted);
      const emptied = Object.keys(corrections[i]);
      report.unlinked += emptied.filter((name) => name !== 'ownerId').length;
      if (emptied.includes('ownerId')) report.unassigned++;
    }
    const ids = made.map(({ change }) => change.resourceId);
    const changes = made.map(({ change }) => change);
    if (made.length === 0) return;
    await this.inTeam(this.teamId, [
      ...made.map(({ statement }) => statement),
      ...this.recorder.statements(systemActor(this.teamId, this.links.requestId), changes),
      plain('INSERT INTO adopted SELECT $1, unnest($2::uuid[])', [repository.shape.table, ids]),
    ]);
    report.adopted += made.length;
  }

  private async open(
    repository: AnyRepository,
    row: Row,
    fields: Readonly<Record<string, null>>,
  ): Promise<NewRow | LeftRecord['reason']> {
    if (repository.rules.personal !== null && row.wrapped === null) return 'unreadable';
    try {
      const made = await repository.adopted(row, this.teamId, fields);
      if (!NUMBERED.has(repository.shape.table) || made.unique.length === 0) return made;
      const holders = await this.inTeam(this.teamId, [tokenHolders(this.teamId, made.unique)]);
      return holders.length > 0 ? 'taken' : made;
    } catch (error) {
      if (error instanceof IntegrityError) return 'unreadable';
      throw error;
    }
  }

  /** Takes away what has been copied, referring tables first; what is left loses its references to it. */
  private async remove(goneTeamId: string): Promise<void> {
    const tables = this.repositories
      .toReversed()
      .map(({ shape: { table }, rules: { references = {} } }) => ({ table, references }));
    const statements: Statement[] = [];
    for (const { table, references } of tables) {
      for (const [property, target] of Object.entries(references)) {
        const column = columnName(property);
        statements.push(
          plain(
            `UPDATE ${table} SET ${column} = NULL WHERE team_id = $1 AND ${column} IN (SELECT id FROM adopted WHERE place = '${target}')
               AND id NOT IN (SELECT id FROM adopted WHERE place = '${table}')`,
            [goneTeamId],
          ),
        );
      }
    }
    for (const { table } of tables) {
      const ids = `SELECT id FROM adopted WHERE place = '${table}'`;
      statements.push(
        plain(`DELETE FROM ${table} WHERE team_id = $1 AND id IN (${ids})`, [goneTeamId]),
        plain(`DELETE FROM data_keys WHERE team_id = $1 AND subject_id IN (${ids})`, [goneTeamId]),
        plain(`DELETE FROM blind_index WHERE team_id = $1 AND subject_id IN (${ids})`, [goneTeamId]),
      );
    }
    await this.inTeam(goneTeamId, [...statements, plain('DELETE FROM adopted')]);
  }

  private readonly inTeam: RunAs = async (teamId, statements) => {
    const [, first] = await this.database.run([enter({ teamId, userId: null }, newId()), ...statements]);
    return first.rows;
  };

  private of({ shape }: AnyRepository): TableReport {
    return this.report.get(shape.table) as TableReport;
  }
}

function batchOf(table: string, teamId: string, after: string): Statement {
  return plain(
    `SELECT t.*, k.wrapped FROM ${table} t LEFT JOIN data_keys k ON k.team_id = t.team_id AND k.subject_id = t.id
     WHERE t.team_id = $1 AND t.id > $2 ORDER BY t.id LIMIT ${BATCH}`,
    [teamId, after],
  );
}

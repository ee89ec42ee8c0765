import pg from 'pg';
import { canMake, collectionOf, makeRecord } from './records.js';
import { startSurface, type Surface } from './surface.js';

/** Tables with a `team_id`, from the catalogue, so that a new table is checked without a word here. */
const TEAM_TABLES = `SELECT c.relname AS name, c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced,
    c.relispartition AS partition,
    has_table_privilege('latchkey_app', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE') AS granted
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'team_id' AND NOT a.attisdropped
  WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace ORDER BY 1`;

interface TeamTable {
  name: string;
  enabled: boolean;
  forced: boolean;
  partition: boolean;
  /** Whether the application's role has any right to it. */
  granted: boolean;
}

describe('row level security', () => {
  let surface: Surface;
  let tables: TeamTable[];
  let asApplication: pg.Client;

  beforeAll(async () => {
    surface = await startSurface();
    const collections = new Set(
      surface.routes.filter((route) => route.path.includes('/{')).map((route) => collectionOf(route.path)),
    );
    for (const collection of collections) {
      if (!canMake(surface, collection)) continue;
      await makeRecord(surface, surface.owner, collection);
      await makeRecord(surface, surface.stranger, collection);
    }
    tables = await surface.database.sql(TEAM_TABLES);
    asApplication = new pg.Client({ connectionString: surface.database.appUrl });
    await asApplication.connect();
  });
  afterAll(async () => {
    await asApplication?.end();
    await surface?.app.close();
  });

  it('is forced on every table that has a team_id, for its owner too', () => {
    expect(tables.length).toBeGreaterThan(8);
    // A partition asked for by its own name would not pass its parent's policies, so nobody may ask.
    const open = tables.filter((table) =>
      table.partition ? table.granted : !table.enabled || !table.forced,
    );
    expect(open.map((table) => table.name)).toEqual([]);
  });

  it('shows the application no row of any team without a context', async () => {
    const filled: string[] = [];
    for (const { name } of tables) {
      const [{ count }] = await surface.database.sql(`SELECT count(*)::int AS count FROM ${name}`);
      if (count > 0) filled.push(name);
      expect([name, await visibleRows(name, '')]).toEqual([name, 0]);
    }
    expect(filled).toEqual(
      expect.arrayContaining([
        'clients',
        'leads',
        'listings',
        'api_keys',
        'sessions',
        'memberships',
        'audit_log',
      ]),
    );
  });

  it("shows a team none of another's rows, with the application's own filter taken away", async () => {
    for (const { name } of tables) {
      await asApplication.query('BEGIN');
      await asApplication.query(`SELECT set_config('app.team_id', $1, true)`, [surface.owner.teamId]);
      const foreign = await visibleRows(name, `WHERE team_id <> '${surface.owner.teamId}'`);
      await asApplication.query('ROLLBACK');
      expect([name, foreign]).toEqual([name, 0]);
    }
  });

  it('lets nobody write into another team, or outside a unit of work', async () => {
    const { stranger, owner } = surface;
    const attempts = [
      [owner.teamId, `UPDATE clients SET status = 'inactive' WHERE team_id = '${stranger.teamId}'`],
      [owner.teamId, `UPDATE clients SET status = 'inactive' WHERE team_id = '${owner.teamId}'`],
      [owner.teamId, `DELETE FROM clients`],
    ];
    for (const [teamId, statement] of attempts) {
      await asApplication.query('BEGIN');
      await asApplication.query(`SELECT set_config('app.team_id', $1, true)`, [teamId]);
      const written = await asApplication.query(statement).then(
        ({ rowCount }) => rowCount,
        () => 0,
      );
      await asApplication.query('ROLLBACK');
      expect([statement, written]).toEqual([statement, 0]);
    }
  });

  /** Rows that the application's role can see; a table it may not read at all shows none. */
  async function visibleRows(table: string, where: string): Promise<number> {
    try {
      return (await asApplication.query(`SELECT count(*)::int AS count FROM ${table} ${where}`)).rows[0]
        .count;
    } catch (error) {
      if ((error as { code?: string }).code !== '42501') throw error;
      await asApplication.query('ROLLBACK');
      return 0;
    }
  }
});

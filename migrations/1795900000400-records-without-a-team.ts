import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = ['clients', 'leads', 'appointments', 'listings', 'escrows'];

/**
 * Records of a team that is not there are hidden from everybody: row level security asks for the team first. The command
 * that adopts them must be told which teams those are, so the look-up role sees the rows of no team, and nothing but them.
 */
export class RecordsWithoutATeam1795900000400 implements MigrationInterface {
  name = 'RecordsWithoutATeam1795900000400';

  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) {
      await runner.query(`
        GRANT SELECT (team_id, id) ON ${table} TO latchkey_lookup;
        CREATE POLICY ${table}_without_team ON ${table} FOR SELECT TO latchkey_lookup
          USING (NOT EXISTS (SELECT FROM teams t WHERE t.id = team_id));
      `);
    }
    const strays = TABLES.map(
      (table) =>
        `SELECT team_id FROM public.${table} r WHERE NOT EXISTS (SELECT FROM public.teams t WHERE t.id = r.team_id)`,
    );
    await runner.query(`
      CREATE FUNCTION latchkey.teams_that_are_gone() RETURNS TABLE (team_id uuid)
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        ${strays.join(' UNION ')} ORDER BY 1
      $$;
      CREATE FUNCTION latchkey.find_team(wanted text) RETURNS TABLE (team_id uuid)
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        SELECT t.id FROM public.teams t WHERE t.sandbox_of IS NULL AND (t.id::text = lower(wanted) OR t.name = wanted)
      $$;
    `);
    for (const signature of ['latchkey.teams_that_are_gone()', 'latchkey.find_team(text)'])
      await forOwnerOnly(runner, signature);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP FUNCTION latchkey.find_team(text), latchkey.teams_that_are_gone()`);
    for (const table of TABLES) {
      await runner.query(`
        DROP POLICY ${table}_without_team ON ${table};
        REVOKE SELECT (team_id, id) ON ${table} FROM latchkey_lookup;
      `);
    }
  }
}

/** The application's role must not be able to ask across teams. */
async function forOwnerOnly(runner: QueryRunner, signature: string): Promise<void> {
  await runner.query(`
    REVOKE ALL ON FUNCTION ${signature} FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION ${signature} TO CURRENT_USER;
    GRANT CREATE ON SCHEMA latchkey TO latchkey_lookup;
    ALTER FUNCTION ${signature} OWNER TO latchkey_lookup;
    REVOKE CREATE ON SCHEMA latchkey FROM latchkey_lookup;
  `);
}

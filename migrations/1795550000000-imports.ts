import type { MigrationInterface, QueryRunner } from 'typeorm';
import { ownByLookup } from './support/lookup-function.js';
import { protectTeamTable } from './support/team-table.js';

/** Imports with their progress; files and rejected rows are sealed chunks under a data key of the import's own. */
export class Imports1795550000000 implements MigrationInterface {
  name = 'Imports1795550000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE imports (
        team_id uuid NOT NULL REFERENCES teams (id),
        id uuid NOT NULL,
        resource text NOT NULL CHECK (resource IN ('leads', 'clients', 'listings')),
        status text NOT NULL CHECK (status IN ('queued', 'running', 'completed', 'failed', 'stopped')),
        dry_run boolean NOT NULL,
        match_on text CHECK (match_on IN ('email', 'phone', 'mlsNumber')),
        mapping jsonb,
        wrapped bytea NOT NULL,
        user_id uuid NOT NULL,
        home_team_id uuid NOT NULL,
        api_key_id uuid,
        ip_address text NOT NULL,
        user_agent text,
        total integer,
        processed integer NOT NULL DEFAULT 0,
        imported integer NOT NULL DEFAULT 0,
        updated integer NOT NULL DEFAULT 0,
        duplicates integer NOT NULL DEFAULT 0,
        failed integer NOT NULL DEFAULT 0,
        reason text,
        created_at timestamptz(3) NOT NULL,
        finished_at timestamptz(3),
        PRIMARY KEY (team_id, id)
      );
      CREATE TABLE import_chunks (
        team_id uuid NOT NULL REFERENCES teams (id),
        import_id uuid NOT NULL,
        kind text NOT NULL CHECK (kind IN ('file', 'errors')),
        seq integer NOT NULL,
        sealed bytea NOT NULL,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        PRIMARY KEY (team_id, import_id, kind, seq)
      );
      CREATE INDEX import_chunks_by_age ON import_chunks (created_at);
    `);
    await protectTeamTable(runner, 'imports', ['INSERT', 'UPDATE']);
    await protectTeamTable(runner, 'import_chunks', ['INSERT', 'DELETE']);
    await runner.query(`
      GRANT SELECT, DELETE ON import_chunks TO latchkey_lookup;
      CREATE POLICY import_chunks_expiry_read ON import_chunks FOR SELECT TO latchkey_lookup USING (true);
      CREATE POLICY import_chunks_expiry ON import_chunks FOR DELETE TO latchkey_lookup USING (true);
      CREATE FUNCTION latchkey.forget_import_files(older_than timestamptz) RETURNS bigint
      LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        WITH gone AS (DELETE FROM public.import_chunks WHERE created_at < older_than RETURNING 1)
        SELECT count(*) FROM gone
      $$;
    `);

    await ownByLookup(runner, 'latchkey.forget_import_files(timestamptz)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP FUNCTION latchkey.forget_import_files(timestamptz);
      DROP TABLE import_chunks; DROP TABLE imports`);
  }
}

import type { MigrationInterface, QueryRunner } from 'typeorm';
import { ownByLookup } from './support/lookup-function.js';
import { protectTeamTable } from './support/team-table.js';

/**
 * Which unique values a dry run has met so far, as keyed tokens: it writes no records, and its next slice may be another
 * worker's. They go with the end of the import, or with its file.
 */
export class ImportRehearsals1795800000300 implements MigrationInterface {
  name = 'ImportRehearsals1795800000300';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE import_rehearsals (
        team_id uuid NOT NULL REFERENCES teams (id),
        import_id uuid NOT NULL,
        token uuid NOT NULL,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        PRIMARY KEY (team_id, import_id, token)
      );
      CREATE INDEX import_rehearsals_by_age ON import_rehearsals (created_at);
    `);
    await protectTeamTable(runner, 'import_rehearsals', ['INSERT', 'DELETE']);
    await runner.query(`
      GRANT SELECT, DELETE ON import_rehearsals TO latchkey_lookup;
      CREATE POLICY import_rehearsals_expiry_read ON import_rehearsals FOR SELECT TO latchkey_lookup USING (true);
      CREATE POLICY import_rehearsals_expiry ON import_rehearsals FOR DELETE TO latchkey_lookup USING (true);
      DROP FUNCTION latchkey.forget_import_files(timestamptz);
      CREATE FUNCTION latchkey.forget_import_files(older_than timestamptz) RETURNS bigint
      LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        WITH gone AS (DELETE FROM public.import_chunks WHERE created_at < older_than RETURNING 1),
          met AS (DELETE FROM public.import_rehearsals WHERE created_at < older_than)
        SELECT count(*) FROM gone
      $$;
    `);
    await ownByLookup(runner, 'latchkey.forget_import_files(timestamptz)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION latchkey.forget_import_files(timestamptz);
      DROP TABLE import_rehearsals;
      CREATE FUNCTION latchkey.forget_import_files(older_than timestamptz) RETURNS bigint
      LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        WITH gone AS (DELETE FROM public.import_chunks WHERE created_at < older_than RETURNING 1)
        SELECT count(*) FROM gone
      $$;
    `);
    await ownByLookup(runner, 'latchkey.forget_import_files(timestamptz)');
  }
}

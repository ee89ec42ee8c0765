import type { MigrationInterface, QueryRunner } from 'typeorm';
import { ownByLookup } from './support/lookup-function.js';

/** The job finds old files here and deletes them team by team, each with its audit row; before, one statement deleted all. */
export class ForgottenImportFiles1795900000200 implements MigrationInterface {
  name = 'ForgottenImportFiles1795900000200';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION latchkey.forget_import_files(timestamptz);
      DROP POLICY import_chunks_expiry ON import_chunks;
      DROP POLICY import_rehearsals_expiry ON import_rehearsals;
      REVOKE DELETE ON import_chunks, import_rehearsals FROM latchkey_lookup;
      CREATE FUNCTION latchkey.imports_with_old_files(older_than timestamptz, at_most integer)
      RETURNS TABLE (team_id uuid, import_id uuid)
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        SELECT c.team_id, c.import_id FROM public.import_chunks c WHERE c.created_at < older_than
        UNION SELECT r.team_id, r.import_id FROM public.import_rehearsals r WHERE r.created_at < older_than LIMIT at_most
      $$;
    `);
    await ownByLookup(runner, 'latchkey.imports_with_old_files(timestamptz, integer)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION latchkey.imports_with_old_files(timestamptz, integer);
      GRANT DELETE ON import_chunks, import_rehearsals TO latchkey_lookup;
      CREATE POLICY import_chunks_expiry ON import_chunks FOR DELETE TO latchkey_lookup USING (true);
      CREATE POLICY import_rehearsals_expiry ON import_rehearsals FOR DELETE TO latchkey_lookup USING (true);
      CREATE FUNCTION latchkey.forget_import_files(older_than timestamptz) RETURNS bigint
      LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        WITH gone AS (DELETE FROM public.import_chunks WHERE created_at < older_than RETURNING 1),
          met AS (DELETE FROM public.import_rehearsals WHERE created_at < older_than)
        SELECT count(*) FROM gone
      $$;
    `);
    await ownByLookup(runner, 'latchkey.forget_import_files(timestamptz)');
  }
}

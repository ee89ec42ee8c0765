import type { MigrationInterface, QueryRunner } from 'typeorm';
import { ownByLookup } from './support/lookup-function.js';

/** When a session stopped being good for anything; revocation may come after an end by time. */
const ENDED_AT = `least(coalesce(revoked_at, 'infinity'), idle_expires_at, expires_at)`;

/** Sessions are kept for 30 days after their end; the policy binds the function itself to that. */
export class SessionPurge1795210002000 implements MigrationInterface {
  name = 'SessionPurge1795210002000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      GRANT SELECT (team_id, idle_expires_at, expires_at), DELETE ON sessions TO latchkey_lookup;
      CREATE POLICY sessions_lookup_purge ON sessions FOR DELETE TO latchkey_lookup
        USING (${ENDED_AT} < now() - interval '30 days');
      CREATE FUNCTION latchkey.purge_sessions(at_most integer) RETURNS bigint
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      DECLARE gone bigint;
      BEGIN
        DELETE FROM public.sessions WHERE (team_id, id) IN (
          SELECT s.team_id, s.id FROM public.sessions s
          WHERE ${ENDED_AT} < now() - interval '30 days'
          LIMIT at_most);
        GET DIAGNOSTICS gone = ROW_COUNT;
        RETURN gone;
      END $$;
    `);
    await ownByLookup(runner, 'latchkey.purge_sessions(integer)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION latchkey.purge_sessions(integer);
      DROP POLICY sessions_lookup_purge ON sessions;
      REVOKE SELECT (team_id, idle_expires_at, expires_at), DELETE ON sessions FROM latchkey_lookup;
    `);
  }
}

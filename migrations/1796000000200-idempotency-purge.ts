import type { MigrationInterface, QueryRunner } from 'typeorm';
import { ownByLookup } from './support/lookup-function.js';

/** What no repetition finds any more; a request that is still committing steps keeps its row by renewing its lease. */
const EXPIRED = `created_at < now() - interval '24 hours' AND (status_code IS NOT NULL OR lease_expires_at < now())`;

/**
 * Stored answers are served for 24 h and deleted after that, of all teams. The policies bind the function itself to that. The
 * condition stands twice in it: a request may take a row over while the deletion waits for it, and the row is fresh then.
 */
export class IdempotencyPurge1796000000200 implements MigrationInterface {
  name = 'IdempotencyPurge1796000000200';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP INDEX idempotency_keys_by_age;
      CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
      GRANT SELECT (team_id, scope_hash, status_code, lease_expires_at, created_at), DELETE ON idempotency_keys TO latchkey_lookup;
      CREATE POLICY idempotency_keys_lookup_expired ON idempotency_keys FOR SELECT TO latchkey_lookup USING (${EXPIRED});
      CREATE POLICY idempotency_keys_lookup_purge ON idempotency_keys FOR DELETE TO latchkey_lookup USING (${EXPIRED});
      CREATE FUNCTION latchkey.purge_idempotency_keys(at_most integer) RETURNS bigint
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      DECLARE gone bigint;
      BEGIN
        DELETE FROM public.idempotency_keys WHERE ${EXPIRED} AND (team_id, scope_hash) IN (
          SELECT k.team_id, k.scope_hash FROM public.idempotency_keys k WHERE ${EXPIRED} LIMIT at_most);
        GET DIAGNOSTICS gone = ROW_COUNT;
        RETURN gone;
      END $$;
    `);
    await ownByLookup(runner, 'latchkey.purge_idempotency_keys(integer)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION latchkey.purge_idempotency_keys(integer);
      DROP POLICY idempotency_keys_lookup_purge ON idempotency_keys;
      DROP POLICY idempotency_keys_lookup_expired ON idempotency_keys;
      REVOKE ALL ON idempotency_keys FROM latchkey_lookup;
      DROP INDEX idempotency_keys_by_age;
      CREATE INDEX idempotency_keys_by_age ON idempotency_keys (team_id, created_at);
    `);
  }
}

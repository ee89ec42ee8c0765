import type { MigrationInterface, QueryRunner } from 'typeorm';
import { ownByLookup } from './support/lookup-function.js';
import { protectTeamTable } from './support/team-table.js';

/** One row a warning: its primary key is what makes a warning happen once, however many workers find it due. */
export class ApiKeyExpiryWarnings1795300003000 implements MigrationInterface {
  name = 'ApiKeyExpiryWarnings1795300003000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE api_key_expiry_warnings (
        team_id uuid NOT NULL,
        api_key_id uuid NOT NULL,
        expires_at timestamptz(3) NOT NULL,
        days_before integer NOT NULL CHECK (days_before > 0),
        warned_at timestamptz(3) NOT NULL,
        PRIMARY KEY (team_id, api_key_id, expires_at, days_before),
        FOREIGN KEY (team_id, api_key_id) REFERENCES api_keys (team_id, id) ON DELETE CASCADE
      );
      CREATE INDEX api_keys_by_expiry ON api_keys (expires_at) WHERE revoked_at IS NULL AND replaced_by IS NULL;
    `);
    await protectTeamTable(runner, 'api_key_expiry_warnings', ['INSERT']);
    await this.createDueLookup(runner);
    await this.createForgetting(runner);
  }

  /**
   * A key that was made within the days of a warning gets none for them: its maker has just chosen the end. When
   * both are due (no worker ran for days), the nearer one alone is sent.
   */
  private async createDueLookup(runner: QueryRunner): Promise<void> {
    await runner.query(`
      GRANT SELECT ON api_key_expiry_warnings TO latchkey_lookup;
      CREATE POLICY api_key_expiry_warnings_lookup ON api_key_expiry_warnings FOR SELECT TO latchkey_lookup USING (true);
      CREATE FUNCTION latchkey.due_key_warnings(at_time timestamptz, days integer[], at_most integer)
      RETURNS TABLE (team_id uuid, id uuid, name text, prefix text, created_by uuid, expires_at timestamptz, days_before integer)
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        SELECT k.team_id, k.id, k.name, k.prefix, k.created_by, k.expires_at, d.days_before
        FROM public.api_keys k
        CROSS JOIN LATERAL (
          SELECT min(u.days) AS days_before FROM unnest(days) u (days)
          WHERE k.expires_at <= at_time + make_interval(days => u.days)
            AND k.created_at <= k.expires_at - make_interval(days => u.days)
        ) d
        WHERE k.revoked_at IS NULL AND k.replaced_by IS NULL AND k.expires_at > at_time
          AND k.expires_at <= at_time + make_interval(days => (SELECT max(u.days) FROM unnest(days) u (days)))
          AND d.days_before IS NOT NULL
          AND NOT EXISTS (
            SELECT FROM public.api_key_expiry_warnings w
            WHERE w.team_id = k.team_id AND w.api_key_id = k.id AND w.expires_at = k.expires_at AND w.days_before = d.days_before
          )
        ORDER BY k.expires_at, k.id LIMIT at_most
      $$;
    `);
    await ownByLookup(runner, 'latchkey.due_key_warnings(timestamptz, integer[], integer)');
  }

  /** Hours older than any comparison looks back; the application may delete nothing else of them. */
  private async createForgetting(runner: QueryRunner): Promise<void> {
    await runner.query(`
      GRANT DELETE ON api_key_usage TO latchkey_lookup;
      CREATE FUNCTION latchkey.forget_key_use(before timestamptz) RETURNS void
      LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DELETE FROM public.api_key_usage u WHERE u.hour < least(before, now() - interval '8 days')
      $$;
    `);
    await ownByLookup(runner, 'latchkey.forget_key_use(timestamptz)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION latchkey.forget_key_use(timestamptz);
      DROP FUNCTION latchkey.due_key_warnings(timestamptz, integer[], integer);
      DROP INDEX api_keys_by_expiry;
      DROP TABLE api_key_expiry_warnings;
    `);
  }
}

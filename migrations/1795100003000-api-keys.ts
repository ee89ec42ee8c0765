import type { MigrationInterface, QueryRunner } from 'typeorm';
import { ownByLookup } from './support/lookup-function.js';
import { protectTeamTable } from './support/team-table.js';

/** API keys: only a keyed hash of the secret is stored; scopes are rows of `resource` and its `actions`. */
export class ApiKeys1795100003000 implements MigrationInterface {
  name = 'ApiKeys1795100003000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE api_keys (
        team_id uuid NOT NULL REFERENCES teams (id),
        id uuid NOT NULL,
        public_id text NOT NULL UNIQUE,
        secret_hash bytea NOT NULL,
        name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
        environment text NOT NULL CHECK (environment IN ('live', 'test')),
        prefix text NOT NULL,
        last_four text NOT NULL,
        created_by uuid NOT NULL,
        allowed_ips cidr[] NOT NULL DEFAULT '{}',
        ip_mode text NOT NULL DEFAULT 'enforce' CHECK (ip_mode IN ('enforce', 'observe')),
        rate_limit_per_minute integer CHECK (rate_limit_per_minute BETWEEN 1 AND 100000),
        expires_at timestamptz(3) NOT NULL,
        last_used_at timestamptz(3),
        last_used_ip inet,
        revoked_at timestamptz(3),
        archived_at timestamptz(3),
        version integer NOT NULL DEFAULT 1,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        updated_at timestamptz(3) NOT NULL DEFAULT now(),
        PRIMARY KEY (team_id, id),
        FOREIGN KEY (team_id, created_by) REFERENCES memberships (team_id, user_id) ON DELETE CASCADE
      );
      CREATE TABLE api_key_scopes (
        team_id uuid NOT NULL,
        api_key_id uuid NOT NULL,
        resource text NOT NULL,
        actions text[] NOT NULL CHECK (cardinality(actions) > 0),
        PRIMARY KEY (team_id, api_key_id, resource),
        FOREIGN KEY (team_id, api_key_id) REFERENCES api_keys (team_id, id) ON DELETE CASCADE
      );
    `);
    await protectTeamTable(runner, 'api_keys', ['INSERT', 'UPDATE']);
    await protectTeamTable(runner, 'api_key_scopes', ['INSERT', 'UPDATE', 'DELETE']);
    await this.createKeyLookup(runner);
  }

  /** A request starts from the key alone: the team is what the look-up finds. */
  private async createKeyLookup(runner: QueryRunner): Promise<void> {
    await runner.query(`
      GRANT SELECT ON api_keys, api_key_scopes TO latchkey_lookup;
      GRANT SELECT (id, default_region) ON teams TO latchkey_lookup;
      CREATE POLICY teams_lookup ON teams FOR SELECT TO latchkey_lookup USING (true);
      CREATE POLICY api_keys_lookup ON api_keys FOR SELECT TO latchkey_lookup USING (true);
      CREATE POLICY api_key_scopes_lookup ON api_key_scopes FOR SELECT TO latchkey_lookup USING (true);

      CREATE FUNCTION latchkey.find_api_key(wanted text)
      RETURNS TABLE (team_id uuid, id uuid, secret_hash bytea, environment text, created_by uuid, role text, default_region text,
        owner_disabled boolean, allowed_ips text[], ip_mode text, rate_limit_per_minute integer,
        expires_at timestamptz, revoked_at timestamptz, scopes text[])
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        SELECT k.team_id, k.id, k.secret_hash, k.environment, k.created_by, m.role, t.default_region, u.disabled_at IS NOT NULL,
          k.allowed_ips::text[], k.ip_mode, k.rate_limit_per_minute, k.expires_at, k.revoked_at,
          ARRAY(SELECT s.resource || ':' || action FROM public.api_key_scopes s CROSS JOIN LATERAL unnest(s.actions) action
                WHERE s.team_id = k.team_id AND s.api_key_id = k.id)
        FROM public.api_keys k
        JOIN public.memberships m ON m.team_id = k.team_id AND m.user_id = k.created_by
        JOIN public.users u ON u.id = k.created_by
        JOIN public.teams t ON t.id = k.team_id
        WHERE k.public_id = wanted
      $$;
    `);
    await ownByLookup(runner, 'latchkey.find_api_key(text)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      `DROP FUNCTION latchkey.find_api_key(text); DROP TABLE api_key_scopes, api_keys; DROP POLICY teams_lookup ON teams`,
    );
  }
}

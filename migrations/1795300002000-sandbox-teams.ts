import type { MigrationInterface, QueryRunner } from 'typeorm';
import { ownByLookup } from './support/lookup-function.js';
import { CURRENT_TEAM } from './support/team-table.js';

/**
 * The sandbox of a team is a team of its own that nobody signs in to: a shadow with mirrored members, where test keys
 * work. So everything that keeps teams apart keeps live and test data apart, with no further condition anywhere
 * (docs/decisions/0009).
 */
export class SandboxTeams1795300002000 implements MigrationInterface {
  name = 'SandboxTeams1795300002000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE teams ADD COLUMN sandbox_of uuid REFERENCES teams (id),
        ADD CONSTRAINT teams_one_sandbox UNIQUE (sandbox_of),
        ADD CONSTRAINT teams_no_nesting CHECK (sandbox_of <> id);
      ALTER TABLE memberships ADD COLUMN sandbox boolean NOT NULL DEFAULT false;
      CREATE POLICY teams_own_sandbox ON teams FOR SELECT USING (sandbox_of = ${CURRENT_TEAM});
      GRANT SELECT (sandbox_of) ON teams TO latchkey_lookup;
      GRANT SELECT (sandbox) ON memberships TO latchkey_lookup;
      -- Look-ups of people never meet a mirrored membership: signing in cannot lead into a sandbox.
      ALTER POLICY memberships_lookup ON memberships USING (NOT sandbox);
    `);
    await this.createMirror(runner);
    await this.replaceKeyLookup(
      runner,
      'sandbox_id uuid, ',
      's.id, ',
      `LEFT JOIN public.teams s ON s.sandbox_of = k.team_id AND k.environment = 'test'`,
    );
  }

  /** Both run as the caller: they change the tenant for their own statements and put it back. */
  private async createMirror(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION latchkey.mirror_members(shadow uuid) RETURNS void
      LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
      DECLARE
        home text := current_setting('app.team_id');
        people uuid[];
        their_roles text[];
      BEGIN
        SELECT array_agg(m.user_id), array_agg(m.role) INTO people, their_roles
          FROM public.memberships m WHERE m.team_id = home::uuid;
        PERFORM set_config('app.team_id', shadow::text, true);
        INSERT INTO public.memberships (team_id, user_id, role, sandbox)
          SELECT shadow, p.user_id, p.role, true FROM unnest(people, their_roles) p (user_id, role)
          ON CONFLICT DO NOTHING;
        PERFORM set_config('app.team_id', home, true);
      END $$;

      CREATE FUNCTION latchkey.mirror_membership() RETURNS trigger
      LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
      DECLARE
        home text := coalesce(current_setting('app.team_id', true), '');
        changed public.memberships := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
        shadow uuid;
      BEGIN
        IF changed.sandbox THEN RETURN NULL; END IF;
        SELECT t.id INTO shadow FROM public.teams t WHERE t.sandbox_of = changed.team_id;
        IF shadow IS NULL THEN RETURN NULL; END IF;
        PERFORM set_config('app.team_id', shadow::text, true);
        IF TG_OP = 'DELETE' THEN
          DELETE FROM public.memberships WHERE team_id = shadow AND user_id = changed.user_id;
        ELSE
          INSERT INTO public.memberships (team_id, user_id, role, sandbox)
            VALUES (shadow, changed.user_id, changed.role, true)
            ON CONFLICT (team_id, user_id) DO UPDATE SET role = excluded.role;
        END IF;
        PERFORM set_config('app.team_id', home, true);
        RETURN NULL;
      END $$;
      CREATE TRIGGER memberships_mirror AFTER INSERT OR UPDATE OF role OR DELETE ON memberships
        FOR EACH ROW EXECUTE FUNCTION latchkey.mirror_membership();
    `);
  }

  private async replaceKeyLookup(
    runner: QueryRunner,
    column: string,
    value: string,
    join: string,
  ): Promise<void> {
    await runner.query(`
      DROP FUNCTION latchkey.find_api_key(text);
      CREATE FUNCTION latchkey.find_api_key(wanted text)
      RETURNS TABLE (team_id uuid, ${column}id uuid, secret_hash bytea, environment text, created_by uuid, role text,
        default_region text, owner_disabled boolean, allowed_ips text[], ip_mode text, rate_limit_per_minute integer,
        expires_at timestamptz, revoked_at timestamptz, scopes text[])
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        SELECT k.team_id, ${value}k.id, k.secret_hash, k.environment, k.created_by, m.role, t.default_region,
          u.disabled_at IS NOT NULL, k.allowed_ips::text[], k.ip_mode, k.rate_limit_per_minute, k.expires_at, k.revoked_at,
          ARRAY(SELECT s.resource || ':' || action FROM public.api_key_scopes s CROSS JOIN LATERAL unnest(s.actions) action
                WHERE s.team_id = k.team_id AND s.api_key_id = k.id)
        FROM public.api_keys k
        JOIN public.memberships m ON m.team_id = k.team_id AND m.user_id = k.created_by
        JOIN public.users u ON u.id = k.created_by
        JOIN public.teams t ON t.id = k.team_id
        ${join}
        WHERE k.public_id = wanted
      $$;
    `);
    await ownByLookup(runner, 'latchkey.find_api_key(text)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await this.replaceKeyLookup(runner, '', '', '');
    await runner.query(`
      DROP TRIGGER memberships_mirror ON memberships;
      DROP FUNCTION latchkey.mirror_membership();
      DROP FUNCTION latchkey.mirror_members(uuid);
      ALTER POLICY memberships_lookup ON memberships USING (true);
      DROP POLICY teams_own_sandbox ON teams;
      ALTER TABLE memberships DROP COLUMN sandbox;
      ALTER TABLE teams DROP COLUMN sandbox_of;
    `);
  }
}

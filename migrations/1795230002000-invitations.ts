import type { MigrationInterface, QueryRunner } from 'typeorm';
import { ownByLookup } from './support/lookup-function.js';
import { protectTeamTable } from './support/team-table.js';

/** Invitations into a team. An archived one was accepted or withdrawn; its token is known as a hash only. */
export class Invitations1795230002000 implements MigrationInterface {
  name = 'Invitations1795230002000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE invitations (
        team_id uuid NOT NULL REFERENCES teams (id),
        id uuid NOT NULL,
        email text NOT NULL CHECK (length(email) <= 254),
        email_key text NOT NULL,
        role text NOT NULL CHECK (role IN ('owner', 'admin', 'agent', 'viewer')),
        token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
        invited_by uuid,
        expires_at timestamptz(3) NOT NULL,
        accepted_at timestamptz(3),
        archived_at timestamptz(3),
        version integer NOT NULL,
        created_at timestamptz(3) NOT NULL,
        updated_at timestamptz(3) NOT NULL,
        PRIMARY KEY (team_id, id),
        FOREIGN KEY (team_id, invited_by) REFERENCES memberships (team_id, user_id) ON DELETE SET NULL (invited_by)
      );
      CREATE UNIQUE INDEX invitations_open ON invitations (team_id, email_key) WHERE archived_at IS NULL;
      CREATE INDEX invitations_live ON invitations (team_id, id) WHERE archived_at IS NULL;
    `);
    await protectTeamTable(runner, 'invitations', ['INSERT', 'UPDATE']);
    await runner.query(`
      GRANT SELECT ON invitations TO latchkey_lookup;
      GRANT SELECT (name) ON teams TO latchkey_lookup;
      GRANT SELECT (two_factor_enabled_at) ON users TO latchkey_lookup;
      CREATE POLICY invitations_lookup ON invitations FOR SELECT TO latchkey_lookup USING (true);

      CREATE FUNCTION latchkey.find_invitation(wanted bytea)
      RETURNS TABLE (team_id uuid, id uuid, email text, email_key text, role text, expires_at timestamptz, team_name text,
        user_id uuid, two_factor boolean, has_team boolean)
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        SELECT i.team_id, i.id, i.email, i.email_key, i.role, i.expires_at, t.name,
          u.id, u.two_factor_enabled_at IS NOT NULL, EXISTS (SELECT FROM public.memberships m WHERE m.user_id = u.id)
        FROM public.invitations i
        JOIN public.teams t ON t.id = i.team_id
        LEFT JOIN public.users u ON u.email_key = i.email_key
        WHERE i.token_hash = wanted AND i.archived_at IS NULL
      $$;
    `);
    await ownByLookup(runner, 'latchkey.find_invitation(bytea)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION latchkey.find_invitation(bytea);
      DROP TABLE invitations;
      REVOKE SELECT (name) ON teams FROM latchkey_lookup;
      REVOKE SELECT (two_factor_enabled_at) ON users FROM latchkey_lookup;
    `);
  }
}

import type { MigrationInterface, QueryRunner } from 'typeorm';
import { ownByLookup } from './support/lookup-function.js';
import { CURRENT_TEAM, CURRENT_USER_ID, protectTable, protectTeamTable } from './support/team-table.js';

/** Tenancy: teams, the people, and who belongs where in which role. */
export class TeamsAndUsers1795100001000 implements MigrationInterface {
  name = 'TeamsAndUsers1795100001000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE teams (
        id uuid PRIMARY KEY,
        name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
        default_region text NOT NULL DEFAULT 'US' CHECK (default_region ~ '^[A-Z]{2}$'),
        version integer NOT NULL DEFAULT 1,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        updated_at timestamptz(3) NOT NULL DEFAULT now()
      );
      CREATE TABLE users (
        id uuid PRIMARY KEY,
        email text NOT NULL CHECK (length(email) <= 254),
        email_key text NOT NULL UNIQUE,
        name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
        password_hash text NOT NULL,
        password_changed_at timestamptz(3) NOT NULL DEFAULT now(),
        email_verified_at timestamptz(3),
        disabled_at timestamptz(3),
        version integer NOT NULL DEFAULT 1,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        updated_at timestamptz(3) NOT NULL DEFAULT now()
      );
      CREATE TABLE memberships (
        team_id uuid NOT NULL REFERENCES teams (id),
        user_id uuid NOT NULL REFERENCES users (id),
        role text NOT NULL CHECK (role IN ('owner', 'admin', 'agent', 'viewer')),
        version integer NOT NULL DEFAULT 1,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        updated_at timestamptz(3) NOT NULL DEFAULT now(),
        PRIMARY KEY (team_id, user_id)
      );
      CREATE INDEX memberships_by_user ON memberships (user_id, team_id);
    `);
    await protectTable(runner, 'teams', `id = ${CURRENT_TEAM}`, ['INSERT', 'UPDATE']);
    await protectTeamTable(runner, 'memberships', ['INSERT', 'UPDATE', 'DELETE']);
    const visible = `(id = ${CURRENT_USER_ID} OR EXISTS (SELECT FROM memberships m WHERE m.team_id = ${CURRENT_TEAM} AND m.user_id = users.id))`;
    await protectTable(runner, 'users', visible, ['INSERT', 'UPDATE']);
    await this.createLoginLookup(runner);
  }

  /** Signing in starts from an e-mail address alone: the team is not known yet. */
  private async createLoginLookup(runner: QueryRunner): Promise<void> {
    await runner.query(`
      GRANT SELECT (id, email_key, password_hash, disabled_at) ON users TO latchkey_lookup;
      GRANT SELECT (team_id, user_id, role, created_at) ON memberships TO latchkey_lookup;
      CREATE POLICY users_lookup ON users FOR SELECT TO latchkey_lookup USING (true);
      CREATE POLICY memberships_lookup ON memberships FOR SELECT TO latchkey_lookup USING (true);

      CREATE FUNCTION latchkey.find_login(wanted text)
      RETURNS TABLE (user_id uuid, password_hash text, disabled boolean, team_id uuid)
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        SELECT u.id, u.password_hash, u.disabled_at IS NOT NULL, m.team_id
        FROM public.users u
        LEFT JOIN LATERAL (
          SELECT first.team_id FROM public.memberships first WHERE first.user_id = u.id ORDER BY first.created_at LIMIT 1
        ) m ON true
        WHERE u.email_key = wanted
      $$;
    `);
    await runner.query(`
      CREATE FUNCTION latchkey.has_users() RETURNS boolean
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        SELECT EXISTS (SELECT FROM public.users)
      $$;
    `);
    await ownByLookup(runner, 'latchkey.find_login(text)');
    await ownByLookup(runner, 'latchkey.has_users()');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      `DROP FUNCTION latchkey.has_users(), latchkey.find_login(text); DROP TABLE memberships, users, teams`,
    );
  }
}

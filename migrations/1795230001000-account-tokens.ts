import type { MigrationInterface, QueryRunner } from 'typeorm';
import { ownByLookup } from './support/lookup-function.js';
import { protectTeamTable } from './support/team-table.js';

/** Mailed tokens that set a password or confirm an address: single use, only their hashes are kept. */
export class AccountTokens1795230001000 implements MigrationInterface {
  name = 'AccountTokens1795230001000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE account_tokens (
        team_id uuid NOT NULL,
        token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
        user_id uuid NOT NULL,
        purpose text NOT NULL CHECK (purpose IN ('password_reset', 'email_verification')),
        email_key text NOT NULL,
        expires_at timestamptz(3) NOT NULL,
        used_at timestamptz(3),
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        PRIMARY KEY (team_id, token_hash),
        FOREIGN KEY (team_id, user_id) REFERENCES memberships (team_id, user_id) ON DELETE CASCADE
      );
      CREATE INDEX account_tokens_by_user ON account_tokens (team_id, user_id, purpose);
    `);
    await protectTeamTable(runner, 'account_tokens', ['INSERT', 'UPDATE', 'DELETE']);
    await runner.query(`
      GRANT SELECT ON account_tokens TO latchkey_lookup;
      CREATE POLICY account_tokens_lookup ON account_tokens FOR SELECT TO latchkey_lookup USING (true);

      CREATE FUNCTION latchkey.find_account_token(wanted bytea, wanted_purpose text)
      RETURNS TABLE (team_id uuid, user_id uuid, email_key text, expires_at timestamptz, used_at timestamptz)
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        SELECT t.team_id, t.user_id, t.email_key, t.expires_at, t.used_at
        FROM public.account_tokens t WHERE t.token_hash = wanted AND t.purpose = wanted_purpose
      $$;
    `);
    await ownByLookup(runner, 'latchkey.find_account_token(bytea, text)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP FUNCTION latchkey.find_account_token(bytea, text); DROP TABLE account_tokens`);
  }
}

import type { MigrationInterface, QueryRunner } from 'typeorm';
import { ownByLookup } from './support/lookup-function.js';
import { protectTeamTable } from './support/team-table.js';

/** One calendar link for each member: only a hash of its token is stored, and it goes with the membership. */
export class CalendarTokens1795500002000 implements MigrationInterface {
  name = 'CalendarTokens1795500002000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE calendar_tokens (
        team_id uuid NOT NULL,
        user_id uuid NOT NULL,
        token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
        created_at timestamptz(3) NOT NULL,
        PRIMARY KEY (team_id, user_id),
        FOREIGN KEY (team_id, user_id) REFERENCES memberships (team_id, user_id) ON DELETE CASCADE
      );
    `);
    await protectTeamTable(runner, 'calendar_tokens', ['INSERT', 'UPDATE', 'DELETE']);
    await runner.query(`
      GRANT SELECT ON calendar_tokens TO latchkey_lookup;
      CREATE POLICY calendar_tokens_lookup ON calendar_tokens FOR SELECT TO latchkey_lookup USING (true);

      CREATE FUNCTION latchkey.find_calendar(wanted bytea)
      RETURNS TABLE (team_id uuid, user_id uuid, role text, default_region text)
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        SELECT c.team_id, c.user_id, m.role, t.default_region
        FROM public.calendar_tokens c
        JOIN public.memberships m ON m.team_id = c.team_id AND m.user_id = c.user_id
        JOIN public.users u ON u.id = c.user_id
        JOIN public.teams t ON t.id = c.team_id
        WHERE c.token_hash = wanted AND u.disabled_at IS NULL
      $$;
    `);
    await ownByLookup(runner, 'latchkey.find_calendar(bytea)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP FUNCTION latchkey.find_calendar(bytea); DROP TABLE calendar_tokens`);
  }
}

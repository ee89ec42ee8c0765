import type { MigrationInterface, QueryRunner } from 'typeorm';
import { ownByLookup } from './support/lookup-function.js';

/**
 * A calendar link ends with the password it was made under, like the sessions of that time: whoever had them may have
 * made it. The link keeps which password that was, so the two are compared and no clocks are.
 */
export class CalendarLinksEndWithThePassword1795600000500 implements MigrationInterface {
  name = 'CalendarLinksEndWithThePassword1795600000500';

  async up(runner: QueryRunner): Promise<void> {
    // Forced row level security would hide every row from an owner that is no superuser.
    await runner.query(`
      ALTER TABLE calendar_tokens NO FORCE ROW LEVEL SECURITY;
      ALTER TABLE users NO FORCE ROW LEVEL SECURITY;
      ALTER TABLE calendar_tokens ADD COLUMN password_changed_at timestamptz(3);
      UPDATE calendar_tokens c SET password_changed_at = u.password_changed_at
        FROM users u WHERE u.id = c.user_id AND c.created_at > u.password_changed_at;
      DELETE FROM calendar_tokens WHERE password_changed_at IS NULL;
      ALTER TABLE calendar_tokens ALTER COLUMN password_changed_at SET NOT NULL;
      ALTER TABLE users FORCE ROW LEVEL SECURITY;
      ALTER TABLE calendar_tokens FORCE ROW LEVEL SECURITY;
      GRANT SELECT (password_changed_at) ON users TO latchkey_lookup;
    `);
    await this.replaceLookup(runner, 'AND c.password_changed_at = u.password_changed_at');
  }

  private async replaceLookup(runner: QueryRunner, condition: string): Promise<void> {
    await runner.query(`
      DROP FUNCTION latchkey.find_calendar(bytea);
      CREATE FUNCTION latchkey.find_calendar(wanted bytea)
      RETURNS TABLE (team_id uuid, user_id uuid, role text, default_region text)
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        SELECT c.team_id, c.user_id, m.role, t.default_region
        FROM public.calendar_tokens c
        JOIN public.memberships m ON m.team_id = c.team_id AND m.user_id = c.user_id
        JOIN public.users u ON u.id = c.user_id
        JOIN public.teams t ON t.id = c.team_id
        WHERE c.token_hash = wanted AND u.disabled_at IS NULL ${condition}
      $$;
    `);
    await ownByLookup(runner, 'latchkey.find_calendar(bytea)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await this.replaceLookup(runner, '');
    await runner.query(`
      REVOKE SELECT (password_changed_at) ON users FROM latchkey_lookup;
      ALTER TABLE calendar_tokens DROP COLUMN password_changed_at;
    `);
  }
}

import type { MigrationInterface, QueryRunner } from 'typeorm';
import { ownByLookup } from './support/lookup-function.js';
import { CURRENT_USER_ID } from './support/team-table.js';

/** The teams of the person a statement runs for, which no single team may see. Sandboxes are no teams to sign in to. */
export class TeamsOfAPerson1795700000500 implements MigrationInterface {
  name = 'TeamsOfAPerson1795700000500';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION latchkey.own_teams()
      RETURNS TABLE (team_id uuid, name text, role text, joined_at timestamptz)
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        SELECT m.team_id, t.name, m.role, m.created_at
        FROM public.memberships m JOIN public.teams t ON t.id = m.team_id
        WHERE m.user_id = ${CURRENT_USER_ID} ORDER BY m.created_at, m.team_id LIMIT 1000
      $$;
    `);
    await ownByLookup(runner, 'latchkey.own_teams()');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP FUNCTION latchkey.own_teams()`);
  }
}

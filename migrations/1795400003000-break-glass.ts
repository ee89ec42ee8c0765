import type { MigrationInterface, QueryRunner } from 'typeorm';
import { protectTeamTable } from './support/team-table.js';

/** Ways into a team that platform admins opened: kept with the team, and never changed. */
export class BreakGlass1795400003000 implements MigrationInterface {
  name = 'BreakGlass1795400003000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE break_glass_grants (
        team_id uuid NOT NULL REFERENCES teams (id),
        id uuid NOT NULL,
        user_id uuid NOT NULL REFERENCES users (id),
        home_team_id uuid NOT NULL,
        session_id uuid NOT NULL,
        reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
        can_write boolean NOT NULL,
        can_see_pii boolean NOT NULL,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        expires_at timestamptz(3) NOT NULL,
        PRIMARY KEY (team_id, id)
      );
    `);
    await protectTeamTable(runner, 'break_glass_grants', ['INSERT']);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE break_glass_grants`);
  }
}

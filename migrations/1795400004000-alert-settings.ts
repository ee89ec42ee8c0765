import type { MigrationInterface, QueryRunner } from 'typeorm';
import { protectTeamTable } from './support/team-table.js';

/** Whom a team wants to be told of which security events. */
export class AlertSettings1795400004000 implements MigrationInterface {
  name = 'AlertSettings1795400004000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE alert_settings (
        team_id uuid PRIMARY KEY REFERENCES teams (id),
        min_severity text NOT NULL CHECK (min_severity IN ('low', 'medium', 'high', 'critical')),
        emails jsonb NOT NULL,
        types jsonb NOT NULL,
        updated_at timestamptz(3) NOT NULL DEFAULT now()
      );
    `);
    await protectTeamTable(runner, 'alert_settings', ['INSERT', 'UPDATE']);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE alert_settings`);
  }
}

import type { MigrationInterface, QueryRunner } from 'typeorm';
import { protectTeamTable } from './support/team-table.js';

/**
 * One data key per subject (a client, a lead, …), wrapped by the team's key, and one blind index for all
 * subjects: keyed tokens of e-mail, phone and name words. Deleting a subject's rows here erases it from
 * history as well, because audit values are sealed under the same key.
 */
export class DataKeys1795100004000 implements MigrationInterface {
  name = 'DataKeys1795100004000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE data_keys (
        team_id uuid NOT NULL REFERENCES teams (id),
        subject_id uuid NOT NULL,
        subject_type text NOT NULL,
        wrapped bytea NOT NULL,
        master_key_id text NOT NULL,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        PRIMARY KEY (team_id, subject_id)
      );
      CREATE TABLE blind_index (
        team_id uuid NOT NULL,
        token uuid NOT NULL,
        subject_id uuid NOT NULL,
        PRIMARY KEY (team_id, token, subject_id)
      );
    `);
    await protectTeamTable(runner, 'data_keys', ['INSERT', 'UPDATE', 'DELETE']);
    await protectTeamTable(runner, 'blind_index', ['INSERT', 'DELETE']);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE blind_index, data_keys`);
  }
}

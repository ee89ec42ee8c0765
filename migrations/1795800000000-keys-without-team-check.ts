import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A data key is written in the statement that writes its record, and the record's own foreign key names the team, so
 * a second check of the same value cost every new record a tenth of its insert and proved nothing.
 */
export class KeysWithoutTeamCheck1795800000000 implements MigrationInterface {
  name = 'KeysWithoutTeamCheck1795800000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE data_keys DROP CONSTRAINT data_keys_team_id_fkey`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE data_keys ADD FOREIGN KEY (team_id) REFERENCES teams (id)`);
  }
}

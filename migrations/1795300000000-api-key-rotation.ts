import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A rotated key knows its successor: until its own end both work, and it cannot be rotated a second time. */
export class ApiKeyRotation1795300000000 implements MigrationInterface {
  name = 'ApiKeyRotation1795300000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE api_keys ADD COLUMN replaced_by uuid,
        ADD CONSTRAINT api_keys_successor FOREIGN KEY (team_id, replaced_by) REFERENCES api_keys (team_id, id)
          ON DELETE SET NULL (replaced_by);
      CREATE INDEX api_keys_by_creator ON api_keys (team_id, created_by, id);
      CREATE INDEX api_keys_by_successor ON api_keys (team_id, replaced_by) WHERE replaced_by IS NOT NULL;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      `DROP INDEX api_keys_by_successor, api_keys_by_creator; ALTER TABLE api_keys DROP COLUMN replaced_by`,
    );
  }
}

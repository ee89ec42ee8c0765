import type { MigrationInterface, QueryRunner } from 'typeorm';
import { CURRENT_USER_ID, protectTable } from './support/team-table.js';

/**
 * The second factor. What everybody may know (that it is on) stands with the user; the sealed secret and the hashed
 * backup codes stand apart, in rows that only statements of that very user see.
 */
export class TwoFactor1795220000000 implements MigrationInterface {
  name = 'TwoFactor1795220000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE sessions ADD COLUMN stepped_up_at timestamptz(3);
      ALTER TABLE users ADD COLUMN two_factor_enabled_at timestamptz(3);
      CREATE TABLE two_factor_secrets (
        user_id uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
        sealed bytea NOT NULL,
        master_key_id text NOT NULL,
        last_step bigint NOT NULL DEFAULT 0,
        created_at timestamptz(3) NOT NULL DEFAULT now()
      );
      COMMENT ON COLUMN two_factor_secrets.last_step IS
        'The latest time step whose code was used; only later ones are accepted, so that a code works once.';
      CREATE TABLE two_factor_backup_codes (
        user_id uuid NOT NULL REFERENCES two_factor_secrets (user_id) ON DELETE CASCADE,
        code_hash bytea NOT NULL CHECK (length(code_hash) = 32),
        PRIMARY KEY (user_id, code_hash)
      );
    `);
    const own = `user_id = ${CURRENT_USER_ID}`;
    await protectTable(runner, 'two_factor_secrets', own, ['INSERT', 'UPDATE', 'DELETE']);
    await protectTable(runner, 'two_factor_backup_codes', own, ['INSERT', 'DELETE']);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE two_factor_backup_codes, two_factor_secrets;
      ALTER TABLE users DROP COLUMN two_factor_enabled_at;
      ALTER TABLE sessions DROP COLUMN stepped_up_at;
    `);
  }
}

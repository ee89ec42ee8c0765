import type { MigrationInterface, QueryRunner } from 'typeorm';
import { CURRENT_USER_ID, protectTable } from './support/team-table.js';

/** Sign-ins between the password and the second factor. The token names its user, so row level security holds here too. */
export class LoginChallenges1795220001000 implements MigrationInterface {
  name = 'LoginChallenges1795220001000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE login_challenges (
        user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        id uuid NOT NULL,
        team_id uuid NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
        token_hash bytea NOT NULL CHECK (length(token_hash) = 32),
        tries integer NOT NULL DEFAULT 0,
        expires_at timestamptz(3) NOT NULL,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        PRIMARY KEY (user_id, id)
      );
    `);
    await protectTable(runner, 'login_challenges', `user_id = ${CURRENT_USER_ID}`, [
      'INSERT',
      'UPDATE',
      'DELETE',
    ]);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE login_challenges`);
  }
}

import type { MigrationInterface, QueryRunner } from 'typeorm';
import { protectTeamTable } from './support/team-table.js';

/** First answers of POST requests, kept encrypted for 24 h under the key that the client chose. */
export class IdempotencyKeys1795100006000 implements MigrationInterface {
  name = 'IdempotencyKeys1795100006000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE idempotency_keys (
        team_id uuid NOT NULL,
        scope_hash bytea NOT NULL,
        request_hash bytea NOT NULL,
        claim_id uuid NOT NULL,
        lease_expires_at timestamptz(3) NOT NULL,
        status_code integer,
        answer_sealed bytea,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        PRIMARY KEY (team_id, scope_hash)
      );
      CREATE INDEX idempotency_keys_by_age ON idempotency_keys (team_id, created_at);
    `);
    await protectTeamTable(runner, 'idempotency_keys', ['INSERT', 'UPDATE', 'DELETE']);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE idempotency_keys`);
  }
}

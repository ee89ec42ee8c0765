import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What a request that commits in steps has finished, so that its repetition goes on from there, and the scopes of the caller
 * who got the answer, so that it is not shown to somebody who has lost one since. Answers from before have none
 * and are not shown again.
 */
export class IdempotentProgress1795600001500 implements MigrationInterface {
  name = 'IdempotentProgress1795600001500';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE idempotency_keys
        ADD COLUMN progress text[] NOT NULL DEFAULT '{}',
        ADD COLUMN caller_scopes text[]
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE idempotency_keys DROP COLUMN progress, DROP COLUMN caller_scopes`);
  }
}

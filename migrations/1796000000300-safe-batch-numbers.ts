import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Batches are numbered from one, so no lawful number comes near 2^53. A false one beyond it is another number to JavaScript than to
 * PostgreSQL, and the forwarding of all teams would stop at it.
 */
export class SafeBatchNumbers1796000000300 implements MigrationInterface {
  name = 'SafeBatchNumbers1796000000300';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `ALTER TABLE audit_seal ADD CONSTRAINT audit_seal_seq_is_safe CHECK (seq < 9007199254740992)`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE audit_seal DROP CONSTRAINT audit_seal_seq_is_safe`);
  }
}

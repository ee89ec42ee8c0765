import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The forwarding asks of each delivery when each key began in a log: one entry for each, not a walk through all batches. */
export class FirstBatchesOfKeys1796600000000 implements MigrationInterface {
  name = 'FirstBatchesOfKeys1796600000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE INDEX audit_seal_by_key ON audit_seal (team_id, key_id, seq)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX audit_seal_by_key');
  }
}

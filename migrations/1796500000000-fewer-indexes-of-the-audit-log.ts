import type { MigrationInterface, QueryRunner } from 'typeorm';

const READ_BY_SEALER = [
  'latchkey.audit_to_seal(integer)',
  'latchkey.held_audit_to_seal(uuid, xid8, uuid, integer)',
];

/**
 * Two of three indexes less for every audited change. One index of action and kind serves both filters, and the two together. Of a
 * request only those rows have an entry that were made in another quarter of a second than its id; the others are found by their own ids.
 *
 * The sealer's pages go down the index of transactions: with statistics from before a backlog PostgreSQL took all of it for a few rows, read and
 * sorted it whole for each page of 500.
 */
export class FewerIndexesOfTheAuditLog1796500000000 implements MigrationInterface {
  name = 'FewerIndexesOfTheAuditLog1796500000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP INDEX audit_log_by_type;
      DROP INDEX audit_log_by_action;
      DROP INDEX audit_log_by_request;
      CREATE INDEX audit_log_by_action ON audit_log (team_id, action, resource_type, id);
      CREATE INDEX audit_log_by_request ON audit_log (team_id, request_id, id)
        WHERE left(id::text, 11) <> left(request_id, 11);
    `);
    for (const reading of READ_BY_SEALER)
      await runner.query(`ALTER FUNCTION ${reading} SET enable_sort = off`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const reading of READ_BY_SEALER) await runner.query(`ALTER FUNCTION ${reading} RESET enable_sort`);
    await runner.query(`
      DROP INDEX audit_log_by_action;
      DROP INDEX audit_log_by_request;
      CREATE INDEX audit_log_by_type ON audit_log (team_id, resource_type, id);
      CREATE INDEX audit_log_by_action ON audit_log (team_id, action, id);
      CREATE INDEX audit_log_by_request ON audit_log (team_id, request_id, id);
    `);
  }
}

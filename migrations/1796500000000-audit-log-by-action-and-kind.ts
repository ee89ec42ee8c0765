import type { MigrationInterface, QueryRunner } from 'typeorm';

const READ_BY_SEALER = 'latchkey.audit_to_seal(integer)';

/**
 * One index of action and kind serves both filters, and the two together, of which each may have many rows and both have few.
 *
 * The sealer's pages go down the index of transactions: with statistics from before a backlog PostgreSQL took all of it for a few rows, read and
 * sorted it whole for each page of 500. Whoever replaces that function sets this again.
 */
export class AuditLogByActionAndKind1796500000000 implements MigrationInterface {
  name = 'AuditLogByActionAndKind1796500000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE INDEX audit_log_by_action_and_type ON audit_log (team_id, action, resource_type, id);
      DROP INDEX audit_log_by_type;
      DROP INDEX audit_log_by_action;
      ALTER FUNCTION ${READ_BY_SEALER} SET enable_sort = off;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER FUNCTION ${READ_BY_SEALER} RESET enable_sort;
      CREATE INDEX audit_log_by_type ON audit_log (team_id, resource_type, id);
      CREATE INDEX audit_log_by_action ON audit_log (team_id, action, id);
      DROP INDEX audit_log_by_action_and_type;
    `);
  }
}

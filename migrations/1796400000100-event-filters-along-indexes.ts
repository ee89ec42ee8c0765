import type { MigrationInterface, QueryRunner } from 'typeorm';

/** As for the audit log (decision 0032): what few events have is found without reading all the others. */
export class EventFiltersAlongIndexes1796400000100 implements MigrationInterface {
  name = 'EventFiltersAlongIndexes1796400000100';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE INDEX security_events_by_severity ON security_events (team_id, severity, id);
      CREATE INDEX security_events_by_request ON security_events (team_id, request_id, id) WHERE request_id IS NOT NULL;
      CREATE INDEX platform_security_events_by_severity ON platform_security_events (severity, id);
      CREATE INDEX platform_security_events_by_request ON platform_security_events (request_id, id) WHERE request_id IS NOT NULL;
      CREATE INDEX platform_security_events_by_user ON platform_security_events (user_id, id) WHERE user_id IS NOT NULL;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP INDEX security_events_by_severity;
      DROP INDEX security_events_by_request;
      DROP INDEX platform_security_events_by_severity;
      DROP INDEX platform_security_events_by_request;
      DROP INDEX platform_security_events_by_user;
    `);
  }
}

import type { MigrationInterface, QueryRunner } from 'typeorm';
import { IN_UNIT_OF_WORK } from './support/team-table.js';

/** Addresses that are kept out for a while. They belong to the installation, not to a team. */
export class IpBlocks1795400001000 implements MigrationInterface {
  name = 'IpBlocks1795400001000';

  async up(runner: QueryRunner): Promise<void> {
    const platform = `current_setting('app.platform', true) = 'yes'`;
    await runner.query(`
      CREATE TABLE ip_blocks (
        id uuid PRIMARY KEY,
        subject text NOT NULL CHECK (length(subject) <= 50),
        reason text NOT NULL CHECK (length(reason) <= 60),
        offence integer NOT NULL CHECK (offence > 0),
        blocked_at timestamptz(3) NOT NULL,
        blocked_until timestamptz(3) NOT NULL CHECK (blocked_until > blocked_at),
        request_id text,
        released_at timestamptz(3),
        released_by uuid
      );
      CREATE INDEX ip_blocks_by_subject ON ip_blocks (subject, blocked_at);
      CREATE INDEX ip_blocks_by_end ON ip_blocks (blocked_until) WHERE released_at IS NULL;
      ALTER TABLE ip_blocks ENABLE ROW LEVEL SECURITY;
      ALTER TABLE ip_blocks FORCE ROW LEVEL SECURITY;
      CREATE POLICY ip_blocks_read ON ip_blocks FOR SELECT USING (${platform});
      CREATE POLICY ip_blocks_insert ON ip_blocks FOR INSERT WITH CHECK (${platform} AND ${IN_UNIT_OF_WORK});
      CREATE POLICY ip_blocks_update ON ip_blocks FOR UPDATE USING (${platform}) WITH CHECK (${platform} AND ${IN_UNIT_OF_WORK});
      GRANT SELECT, INSERT, UPDATE (released_at, released_by) ON ip_blocks TO latchkey_app;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE ip_blocks`);
  }
}

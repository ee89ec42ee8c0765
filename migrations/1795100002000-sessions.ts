import type { MigrationInterface, QueryRunner } from 'typeorm';
import { protectTeamTable } from './support/team-table.js';

/**
 * A session is one sign-in of one browser; its refresh tokens are one family. Only the current token and its
 * immediate parent are kept, as hashes: an older one is known by its generation, which the token carries.
 */
export class Sessions1795100002000 implements MigrationInterface {
  name = 'Sessions1795100002000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE sessions (
        team_id uuid NOT NULL REFERENCES teams (id),
        id uuid NOT NULL,
        user_id uuid NOT NULL,
        token_hash bytea NOT NULL,
        generation integer NOT NULL DEFAULT 1,
        parent_hash bytea,
        successor_sealed bytea,
        rotated_at timestamptz(3),
        rotation_csrf_hash bytea,
        csrf_hashes bytea[] NOT NULL DEFAULT '{}' CHECK (cardinality(csrf_hashes) <= 32),
        device_hash bytea NOT NULL,
        ip_address inet,
        user_agent text,
        authenticated_at timestamptz(3) NOT NULL DEFAULT now(),
        last_used_at timestamptz(3) NOT NULL DEFAULT now(),
        idle_expires_at timestamptz(3) NOT NULL,
        expires_at timestamptz(3) NOT NULL,
        revoked_at timestamptz(3),
        revoked_reason text,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        PRIMARY KEY (team_id, id),
        FOREIGN KEY (team_id, user_id) REFERENCES memberships (team_id, user_id) ON DELETE CASCADE
      );
      CREATE INDEX sessions_by_user ON sessions (team_id, user_id, id);
    `);
    await protectTeamTable(runner, 'sessions', ['INSERT', 'UPDATE']);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE sessions`);
  }
}

import type { MigrationInterface, QueryRunner } from 'typeorm';
import { protectTeamTable } from './support/team-table.js';

/** Clients: personal fields are one sealed value; what stays in the clear is what lists filter and sort by. */
export class Clients1795100007000 implements MigrationInterface {
  name = 'Clients1795100007000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE clients (
        team_id uuid NOT NULL REFERENCES teams (id),
        id uuid NOT NULL,
        sealed bytea NOT NULL,
        type text NOT NULL CHECK (type IN ('buyer', 'seller', 'investor', 'renter')),
        status text NOT NULL CHECK (status IN ('active', 'inactive')),
        tags text[] NOT NULL DEFAULT '{}',
        owner_id uuid,
        version integer NOT NULL,
        created_at timestamptz(3) NOT NULL,
        updated_at timestamptz(3) NOT NULL,
        archived_at timestamptz(3),
        PRIMARY KEY (team_id, id),
        CONSTRAINT clients_owner FOREIGN KEY (team_id, owner_id) REFERENCES memberships (team_id, user_id)
          ON DELETE SET NULL (owner_id)
      );
      CREATE INDEX clients_live ON clients (team_id, id) WHERE archived_at IS NULL;
      CREATE INDEX clients_by_update ON clients (team_id, updated_at, id) WHERE archived_at IS NULL;
      CREATE INDEX clients_by_status ON clients (team_id, status, id) WHERE archived_at IS NULL;
      CREATE INDEX clients_by_type ON clients (team_id, type, id) WHERE archived_at IS NULL;
      CREATE INDEX clients_by_owner ON clients (team_id, owner_id, id) WHERE archived_at IS NULL;
    `);
    await protectTeamTable(runner, 'clients', ['INSERT', 'UPDATE']);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE clients`);
  }
}

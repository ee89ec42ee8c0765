import type { MigrationInterface, QueryRunner } from 'typeorm';
import { protectTeamTable } from './support/team-table.js';

/** What every CRM table ends with. */
const COMMON = (table: string): string => `
        owner_id uuid,
        version integer NOT NULL,
        created_at timestamptz(3) NOT NULL,
        updated_at timestamptz(3) NOT NULL,
        archived_at timestamptz(3),
        PRIMARY KEY (team_id, id),
        CONSTRAINT ${table}_owner FOREIGN KEY (team_id, owner_id) REFERENCES memberships (team_id, user_id)
          ON DELETE SET NULL (owner_id)`;

const CURRENCY = `currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$')`;

/** Money is a whole number of minor units, below 2^53 so that JSON carries it exactly. */
const MINOR_UNITS = (column: string): string =>
  `${column} bigint CHECK (${column} BETWEEN 0 AND 1000000000000000)`;

/** Leads, listings, appointments and escrows; relations are composite keys, so they cannot leave the team. */
export class LeadsListingsAppointmentsEscrows1795500001000 implements MigrationInterface {
  name = 'LeadsListingsAppointmentsEscrows1795500001000';

  async up(runner: QueryRunner): Promise<void> {
    await this.createLeads(runner);
    await this.createListings(runner);
    await this.createAppointments(runner);
    await this.createEscrows(runner);
    for (const table of ['leads', 'listings', 'appointments', 'escrows'])
      await protectTeamTable(runner, table, ['INSERT', 'UPDATE']);
  }

  private async createLeads(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE leads (
        team_id uuid NOT NULL REFERENCES teams (id),
        id uuid NOT NULL,
        sealed bytea NOT NULL,
        lead_type text NOT NULL CHECK (lead_type IN ('buyer', 'seller', 'renter', 'investor')),
        lead_status text NOT NULL
          CHECK (lead_status IN ('new', 'contacted', 'qualified', 'unqualified', 'converted', 'lost')),
        source text,
        ${MINOR_UNITS('budget_min')},
        ${MINOR_UNITS('budget_max')},
        ${CURRENCY},
        tags text[] NOT NULL DEFAULT '{}',
        converted_client_id uuid,
        converted_at timestamptz(3),
        ${COMMON('leads')},
        CONSTRAINT leads_client FOREIGN KEY (team_id, converted_client_id) REFERENCES clients (team_id, id),
        CHECK (budget_min <= budget_max)
      );
      ${indexes('leads', ['lead_status', 'lead_type', 'source', 'owner_id'])}
      CREATE INDEX leads_by_conversion ON leads (team_id, converted_at) WHERE converted_at IS NOT NULL;
    `);
  }

  private async createListings(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE listings (
        team_id uuid NOT NULL REFERENCES teams (id),
        id uuid NOT NULL,
        street text NOT NULL,
        city text,
        state text,
        postal_code text,
        latitude double precision CHECK (latitude BETWEEN -90 AND 90),
        longitude double precision CHECK (longitude BETWEEN -180 AND 180),
        ${MINOR_UNITS('price')},
        ${CURRENCY},
        property_type text,
        status text NOT NULL CHECK (status IN ('active', 'pending', 'sold', 'withdrawn')),
        bedrooms integer CHECK (bedrooms BETWEEN 0 AND 1000),
        bathrooms double precision CHECK (bathrooms BETWEEN 0 AND 1000 AND bathrooms * 4 = floor(bathrooms * 4)),
        square_feet integer CHECK (square_feet >= 0),
        lot_square_feet integer CHECK (lot_square_feet >= 0),
        year_built integer CHECK (year_built BETWEEN 1000 AND 3000),
        listed_at timestamptz(3),
        mls_number text,
        ${COMMON('listings')}
      );
      ${indexes('listings', ['status', 'property_type', 'city', 'state', 'postal_code', 'owner_id'])}
      CREATE INDEX listings_by_price ON listings (team_id, (coalesce(price, '-1'::bigint)), id) WHERE archived_at IS NULL;
      CREATE UNIQUE INDEX listings_mls_number ON listings (team_id, mls_number) WHERE archived_at IS NULL;
    `);
  }

  private async createAppointments(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE appointments (
        team_id uuid NOT NULL REFERENCES teams (id),
        id uuid NOT NULL,
        sealed bytea NOT NULL,
        starts_at timestamptz(3) NOT NULL,
        ends_at timestamptz(3) NOT NULL,
        time_zone text,
        type text NOT NULL CHECK (type IN ('showing', 'call', 'meeting', 'inspection')),
        status text NOT NULL CHECK (status IN ('scheduled', 'completed', 'cancelled', 'no_show')),
        client_id uuid,
        lead_id uuid,
        listing_id uuid,
        ${COMMON('appointments')},
        FOREIGN KEY (team_id, client_id) REFERENCES clients (team_id, id),
        FOREIGN KEY (team_id, lead_id) REFERENCES leads (team_id, id),
        FOREIGN KEY (team_id, listing_id) REFERENCES listings (team_id, id),
        CHECK (ends_at > starts_at),
        CHECK (client_id IS NULL OR lead_id IS NULL)
      );
      ${indexes('appointments', ['type', 'status', 'client_id', 'lead_id', 'listing_id', 'owner_id'])}
      CREATE INDEX appointments_by_start ON appointments (team_id, starts_at, id) WHERE archived_at IS NULL;
      CREATE INDEX appointments_of_owner ON appointments (team_id, owner_id, starts_at, id) WHERE archived_at IS NULL;
    `);
  }

  private async createEscrows(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE escrows (
        team_id uuid NOT NULL REFERENCES teams (id),
        id uuid NOT NULL,
        sealed bytea NOT NULL,
        listing_id uuid,
        client_id uuid,
        escrow_number text NOT NULL,
        status text NOT NULL CHECK (status IN ('open', 'contingent', 'cleared', 'closed', 'cancelled')),
        ${MINOR_UNITS('purchase_price')},
        ${CURRENCY},
        opened_at timestamptz(3),
        closes_at timestamptz(3),
        closed_at timestamptz(3),
        ${COMMON('escrows')},
        FOREIGN KEY (team_id, listing_id) REFERENCES listings (team_id, id),
        FOREIGN KEY (team_id, client_id) REFERENCES clients (team_id, id),
        CHECK (closes_at >= opened_at)
      );
      ${indexes('escrows', ['status', 'listing_id', 'client_id', 'owner_id'])}
      CREATE INDEX escrows_by_closing ON escrows (team_id, (coalesce(closes_at, 'infinity'::timestamptz)), id)
        WHERE archived_at IS NULL;
      CREATE UNIQUE INDEX escrows_escrow_number ON escrows (team_id, escrow_number) WHERE archived_at IS NULL;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE escrows, appointments, listings, leads`);
  }
}

/** The indexes of a list: newest first, by change, and by each exact filter. */
function indexes(table: string, filters: string[]): string {
  const by = (name: string, columns: string): string =>
    `CREATE INDEX ${table}_${name} ON ${table} (team_id, ${columns}) WHERE archived_at IS NULL;`;
  return [
    by('live', 'id'),
    by('by_update', 'updated_at, id'),
    ...filters.map((column) => by(`by_${column}`, `${column}, id`)),
  ].join('\n      ');
}

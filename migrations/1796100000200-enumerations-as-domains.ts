import type { MigrationInterface, QueryRunner } from 'typeorm';
import { CURRENT_TEAM, IN_UNIT_OF_WORK } from './support/team-table.js';

/** By table: columns that take one of a few words, and the words. */
const ENUMERATIONS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  clients: { type: ['buyer', 'seller', 'investor', 'renter'], status: ['active', 'inactive'] },
  leads: {
    lead_type: ['buyer', 'seller', 'renter', 'investor'],
    lead_status: ['new', 'contacted', 'qualified', 'unqualified', 'converted', 'lost'],
  },
  appointments: {
    type: ['showing', 'call', 'meeting', 'inspection'],
    status: ['scheduled', 'completed', 'cancelled', 'no_show'],
  },
  listings: { status: ['active', 'pending', 'sold', 'withdrawn'] },
  escrows: { status: ['open', 'contingent', 'cleared', 'closed', 'cancelled'] },
};
const ACTIONS = quoted(['CREATE', 'UPDATE', 'DELETE']);
const OWN = `team_id = ${CURRENT_TEAM} AND ${IN_UNIT_OF_WORK}`;

/**
 * PostgreSQL reads the text of a table's CHECK constraints anew for every statement that writes; those of a domain it keeps.
 * Each of the five tables is written anew once, and its statistics, which go with the old type, are taken again. The audit log's one moves into the policy of its inserts, which is planned with the statement: a table of years is not
 * rewritten for it, and nobody but a superuser writes past a forced policy.
 */
export class EnumerationsAsDomains1796100000200 implements MigrationInterface {
  name = 'EnumerationsAsDomains1796100000200';

  async up(runner: QueryRunner): Promise<void> {
    for (const [table, columns] of Object.entries(ENUMERATIONS)) {
      const changes: string[] = [];
      for (const [column, words] of Object.entries(columns)) {
        const domain = domainOf(table, column);
        await runner.query(
          `CREATE DOMAIN ${domain} AS text CONSTRAINT ${domain}_is_known CHECK (VALUE IN (${quoted(words)}))`,
        );
        changes.push(`DROP CONSTRAINT ${table}_${column}_check, ALTER COLUMN ${column} TYPE ${domain}`);
      }
      await runner.query(`ALTER TABLE ${table} ${changes.join(', ')}; ANALYZE ${table}`);
    }
    await runner.query(`
      ALTER POLICY audit_log_insert ON audit_log WITH CHECK (${OWN} AND action IN (${ACTIONS}));
      ALTER TABLE audit_log DROP CONSTRAINT audit_log_action_check;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE audit_log ADD CONSTRAINT audit_log_action_check CHECK (action IN (${ACTIONS}));
      ALTER POLICY audit_log_insert ON audit_log WITH CHECK (${OWN});
    `);
    for (const [table, columns] of Object.entries(ENUMERATIONS)) {
      const changes = Object.entries(columns).map(
        ([column, words]) =>
          `ALTER COLUMN ${column} TYPE text, ADD CONSTRAINT ${table}_${column}_check CHECK (${column} IN (${quoted(words)}))`,
      );
      const domains = Object.keys(columns).map((column) => domainOf(table, column));
      await runner.query(
        `ALTER TABLE ${table} ${changes.join(', ')}; DROP DOMAIN ${domains.join(', ')}; ANALYZE ${table}`,
      );
    }
  }
}

/** `clients`, `status` -> `client_status`; `leads`, `lead_status` -> `lead_status`. */
function domainOf(table: string, column: string): string {
  const one = table.replace(/s$/, '');
  return column.startsWith(`${one}_`) ? column : `${one}_${column}`;
}

function quoted(words: readonly string[]): string {
  return words.map((word) => `'${word}'`).join(', ');
}

import 'reflect-metadata';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { Appointment } from '../crm/appointments/appointment.entity.js';
import { AppointmentsRepository } from '../crm/appointments/appointments.repository.js';
import { Client } from '../crm/clients/client.entity.js';
import { ClientsRepository } from '../crm/clients/clients.repository.js';
import { Escrow } from '../crm/escrows/escrow.entity.js';
import { EscrowsRepository } from '../crm/escrows/escrows.repository.js';
import { Lead } from '../crm/leads/lead.entity.js';
import { LeadsRepository } from '../crm/leads/leads.repository.js';
import { Listing } from '../crm/listings/listing.entity.js';
import { ListingsRepository } from '../crm/listings/listings.repository.js';
import { AuditKeys } from '../oversight/audit/audit-keys.js';
import { AuditWriter } from '../oversight/audit/audit-writer.js';
import { Clock } from '../platform/clock/clock.js';
import { type Config, ConfigError, loadConfig } from '../platform/config/config.js';
import { MasterKeys } from '../platform/crypto/master-keys.js';
import { Database } from '../platform/database/database.js';
import { withOwner } from '../platform/database/owner-connection.js';
import { TeamStore } from '../platform/database/team-store.js';
import { CursorSigner } from '../platform/http/cursor.js';
import { DataKeys } from '../vault/keys/data-keys.js';
import { reportLines } from './adoption-report.js';
import { OrphanAdoption, SeveralTeamsError, UnknownTeamError } from './orphan-adoption.js';
import { type AnyRepository, plain } from './orphan-records.js';

const USAGE = `npm run teams:adopt-orphans -- --team ID_OR_NAME [--from ID] [--dry-run]
  Gives the records of a team that is not in the database any more to this team, and empties owners and references that do not belong to it.
  --from     the team that is gone, when there are several
  --dry-run  says what would happen and changes nothing
Ends with 0 when it is done, 1 when records were left because they cannot be adopted, 2 for anything else.`;

async function run(): Promise<number> {
  const { values } = parseArgs({
    options: {
      team: { type: 'string' },
      from: { type: 'string' },
      'dry-run': { type: 'boolean', default: false },
    },
  });
  const { team, from, 'dry-run': dryRun } = values;
  if (team === undefined) {
    console.error(USAGE);
    return 2;
  }
  const config = loadConfig();
  return withOwner(config, (ownerUrl) => adopt(config, ownerUrl, { team, from, dryRun }));
}

interface Order {
  readonly team: string;
  readonly from: string | undefined;
  readonly dryRun: boolean;
}

async function adopt(config: Config, ownerUrl: string, { team, from, dryRun }: Order): Promise<number> {
  const pool = new pg.Pool({ connectionString: ownerUrl, max: 1, connectionTimeoutMillis: 5000 });
  const database = new Database(pool);
  const entities = [Client, Listing, Lead, Appointment, Escrow];
  const source = new DataSource({ type: 'postgres', driver: pg, url: ownerUrl, entities, poolSize: 1 });
  try {
    const found = await database.runOne(plain('SELECT team_id FROM latchkey.find_team($1)', [team]));
    if (found.length !== 1) {
      console.error(
        found.length === 0 ? `There is no team ${team}.` : `Several teams are called ${team}; name the id.`,
      );
      return 2;
    }
    await source.initialize();
    const repositories = repositoriesOf(config, source, database);
    const recorder = new AuditWriter(new AuditKeys(config));
    const teamId = String(found[0].team_id);
    const report = await new OrphanAdoption(database, repositories, recorder, teamId).run(dryRun, from);
    if (dryRun) console.log('A dry run: nothing was changed.');
    for (const line of reportLines(report)) console.log(line);
    return [...report.values()].some(({ left }) => left.length > 0) ? 1 : 0;
  } finally {
    if (source.isInitialized) await source.destroy();
    await pool.end();
  }
}

/** Tables that others refer to come first. */
function repositoriesOf(config: Config, source: DataSource, database: Database): AnyRepository[] {
  const keys = new MasterKeys([config.masterEncryptionKey, ...config.masterEncryptionPreviousKeys]);
  const cursors = new CursorSigner(keys.installationKeys('cursors'));
  const store = new TeamStore(source, database, new DataKeys(keys, database), cursors, new Clock());
  return [
    new ClientsRepository(store),
    new ListingsRepository(store),
    new LeadsRepository(store),
    new AppointmentsRepository(store),
    new EscrowsRepository(store),
  ];
}

try {
  process.exitCode = await run();
} catch (error) {
  const isUsage = (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') ?? false;
  const isSaid = [ConfigError, SeveralTeamsError, UnknownTeamError].some((kind) => error instanceof kind);
  console.error(isUsage ? USAGE : isSaid ? (error as Error).message : error);
  process.exitCode = 2;
}

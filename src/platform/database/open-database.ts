import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import type { Config } from '../config/config.js';
import { DatabaseAddress } from './database-address.js';
import { startEmbeddedPostgres } from './embedded/start-embedded-postgres.js';
import { migrate, migrationFiles } from './migrator.js';
import { assertSafeRole } from './role-check.js';

export interface OpenDatabase {
  readonly address: DatabaseAddress;
  /** For the start-up banner; holds no password. */
  readonly label: string;
  /** Stops the embedded server; leaves any other alone. */
  stop(): Promise<void>;
}

const DATABASE = 'latchkey';
const OWNER = 'latchkey_owner';
const APP = 'latchkey_api';

/** Finds or starts the database, migrates it as its owner, and makes sure that the application's role is bound by row level security. */
export async function openDatabase(config: Config, log: (line: string) => void): Promise<OpenDatabase> {
  const opened =
    config.databaseUrl === null ? await openEmbedded(config, log) : openGiven(config, config.databaseUrl);
  try {
    const ran = await migrate(opened.address.ownerUrl, migrationFiles());
    if (ran.length > 0) log(`migrated the database: ${ran.length} steps`);
    await assertSafeRole(opened.address, config.isProduction);
    return opened;
  } catch (error) {
    await opened.stop();
    throw error;
  }
}

/**
 * With one URL outside production (`DATABASE_URL` of an owner or superuser), connections are put into the
 * application role at their start, so that row level security binds them all the same.
 */
function openGiven(config: Config, url: string): OpenDatabase {
  const ownerUrl = config.databaseMigrationUrl ?? url;
  const shared = config.databaseMigrationUrl === null && !config.isProduction;
  const address = new DatabaseAddress(url, ownerUrl, shared ? '-c role=latchkey_app' : null);
  const { host, pathname } = new URL(url);
  return { address, label: `${host}${pathname}`, stop: () => Promise.resolve() };
}

async function openEmbedded(config: Config, log: (line: string) => void): Promise<OpenDatabase> {
  const server = await startEmbeddedPostgres({ dataDir: config.dataDir, log });
  try {
    const password = accountPassword(config.dataDir);
    await prepareAccounts(server.adminUrl('postgres'), password);
    const address = new DatabaseAddress(
      account(server.adminUrl(DATABASE), APP, password),
      account(server.adminUrl(DATABASE), OWNER, password),
      null,
    );
    return { address, label: `embedded PostgreSQL on port ${server.port}`, stop: () => server.stop() };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** One password for the two accounts of the embedded server, kept for its owner's eyes only. */
function accountPassword(dataDir: string): string {
  const file = join(dataDir, 'postgres-accounts');
  if (!existsSync(file)) writeFileSync(file, randomBytes(24).toString('hex'), { mode: 0o600, flag: 'wx' });
  return readFileSync(file, 'utf8').trim();
}

/** The owner makes the schema and is no superuser; the application's account owns nothing. */
async function prepareAccounts(adminUrl: string, password: string): Promise<void> {
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    await admin.query(`DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'latchkey_app') THEN CREATE ROLE latchkey_app NOLOGIN; END IF;
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'latchkey_lookup') THEN CREATE ROLE latchkey_lookup NOLOGIN; END IF;
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${OWNER}') THEN CREATE ROLE ${OWNER} LOGIN; END IF;
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${APP}') THEN CREATE ROLE ${APP} LOGIN IN ROLE latchkey_app; END IF;
      END $$`);
    await admin.query(`GRANT latchkey_lookup TO ${OWNER}`);
    // Hexadecimal by construction, so it needs no quoting beyond this.
    await admin.query(`ALTER ROLE ${OWNER} PASSWORD '${password}'; ALTER ROLE ${APP} PASSWORD '${password}'`);
    const { rowCount } = await admin.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE]);
    if (rowCount === 0) await admin.query(`CREATE DATABASE ${DATABASE} OWNER ${OWNER}`);
  } finally {
    await admin.end();
  }
}

function account(url: string, user: string, password: string): string {
  const changed = new URL(url);
  changed.username = user;
  changed.password = password;
  return changed.toString();
}

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/platform/database/embedded/start-embedded-postgres.js';

export interface FaultDatabase {
  readonly appUrl: string;
  readonly ownerUrl: string;
  /** As the superuser, past row level security. */
  sql<T>(text: string, values?: unknown[]): Promise<T[]>;
  drop(): Promise<void>;
}

export interface FaultServer {
  /** A new, empty database with an owner and an application role, as in production. */
  database(): Promise<FaultDatabase>;
  stop(): Promise<void>;
}

/** Durable as in production: a commit that was answered is on the disk. */
const SETTINGS = { fsync: 'on', synchronous_commit: 'on', max_connections: '100' };

export async function openServer(): Promise<FaultServer> {
  const given = process.env.FAULTS_DATABASE_URL;
  if (given) return { database: () => makeDatabase(given), stop: async () => {} };
  const dataDir = mkdtempSync(join(tmpdir(), 'latchkey-faults-'));
  const server = await startEmbeddedPostgres({ dataDir, settings: SETTINGS });
  return {
    database: () => makeDatabase(server.adminUrl('postgres')),
    stop: async () => {
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function makeDatabase(adminUrl: string): Promise<FaultDatabase> {
  const run = randomBytes(4).toString('hex');
  const password = randomBytes(16).toString('hex');
  const name = `latchkey_faults_${run}`;
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  await admin.query(`DO $$ BEGIN
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'latchkey_app') THEN CREATE ROLE latchkey_app NOLOGIN; END IF;
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'latchkey_lookup') THEN CREATE ROLE latchkey_lookup NOLOGIN; END IF;
    END $$`);
  await admin.query(`CREATE ROLE ${name}_owner LOGIN PASSWORD '${password}' IN ROLE latchkey_lookup`);
  await admin.query(`CREATE ROLE ${name}_app LOGIN PASSWORD '${password}' IN ROLE latchkey_app`);
  await admin.query(`CREATE DATABASE ${name} OWNER ${name}_owner`);
  const pool = new pg.Pool({ connectionString: account(adminUrl, null, '', name), max: 2 });
  pool.on('error', () => undefined);
  return {
    appUrl: account(adminUrl, `${name}_app`, password, name),
    ownerUrl: account(adminUrl, `${name}_owner`, password, name),
    sql: async <T>(text: string, values?: unknown[]) => (await pool.query(text, values)).rows as T[],
    drop: async () => {
      await pool.end();
      await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await admin.query(`DROP ROLE ${name}_owner, ${name}_app`);
      await admin.end();
    },
  };
}

function account(url: string, user: string | null, password: string, database: string): string {
  const changed = new URL(url);
  if (user !== null) {
    changed.username = user;
    changed.password = password;
  }
  changed.pathname = `/${database}`;
  return changed.toString();
}

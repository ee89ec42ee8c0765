import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { servesDataDirectory } from '../../src/platform/database/embedded/process-identity.js';
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
  /** Restarts the server as `pg_ctl restart -m immediate` does: no session is waited for, nothing is flushed. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Durable as in production: a commit that was answered is on the disk. */
const SETTINGS = { fsync: 'on', synchronous_commit: 'on', max_connections: '100' };

export async function openServer(): Promise<FaultServer> {
  const given = process.env.FAULTS_DATABASE_URL;
  if (given) return { database: () => makeDatabase(given), restart: notOurs, stop: async () => {} };
  const dataDir = mkdtempSync(join(tmpdir(), 'latchkey-faults-'));
  let server = await startEmbeddedPostgres({ dataDir, settings: SETTINGS });
  return {
    database: () => makeDatabase(server.adminUrl('postgres')),
    restart: async () => {
      const { port } = server;
      await endAtOnce(server.adminUrl('postgres'));
      await server.stop();
      server = await startEmbeddedPostgres({ dataDir, settings: SETTINGS, port });
    },
    stop: async () => {
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** SIGQUIT is what `-m immediate` sends (PostgreSQL manual, "Shutting Down the Server"). */
async function endAtOnce(adminUrl: string): Promise<void> {
  const [{ data_directory: directory }] = await asAdmin(adminUrl, 'SHOW data_directory');
  const file = readFileSync(join(String(directory), 'postmaster.pid'), 'utf8');
  const pid = Number(file.split('\n', 1)[0]);
  process.kill(pid, 'SIGQUIT');
  while (servesDataDirectory(pid, String(directory))) await sleep(5);
}

/** For a server that somebody else runs. */
function notOurs(): Promise<void> {
  return Promise.reject(new Error('a server that was given is not restarted'));
}

/** A connection of its own for every statement: a restart ends those that are open. */
async function asAdmin(adminUrl: string, ...statements: string[]): Promise<Record<string, unknown>[]> {
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    let rows: Record<string, unknown>[] = [];
    for (const statement of statements) rows = (await admin.query(statement)).rows;
    return rows;
  } finally {
    await admin.end();
  }
}

async function makeDatabase(adminUrl: string): Promise<FaultDatabase> {
  const run = randomBytes(4).toString('hex');
  const password = randomBytes(16).toString('hex');
  const name = `latchkey_faults_${run}`;
  await asAdmin(
    adminUrl,
    `DO $$ BEGIN
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'latchkey_app') THEN CREATE ROLE latchkey_app NOLOGIN; END IF;
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'latchkey_lookup') THEN CREATE ROLE latchkey_lookup NOLOGIN; END IF;
    END $$`,
    `CREATE ROLE ${name}_owner LOGIN PASSWORD '${password}' IN ROLE latchkey_lookup`,
    `CREATE ROLE ${name}_app LOGIN PASSWORD '${password}' IN ROLE latchkey_app`,
    `CREATE DATABASE ${name} OWNER ${name}_owner`,
  );
  const pool = new pg.Pool({ connectionString: account(adminUrl, null, '', name), max: 2 });
  pool.on('error', () => undefined);
  return {
    appUrl: account(adminUrl, `${name}_app`, password, name),
    ownerUrl: account(adminUrl, `${name}_owner`, password, name),
    sql: async <T>(text: string, values?: unknown[]) => (await pool.query(text, values)).rows as T[],
    drop: async () => {
      await pool.end();
      await asAdmin(adminUrl, `DROP DATABASE ${name} WITH (FORCE)`, `DROP ROLE ${name}_owner, ${name}_app`);
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

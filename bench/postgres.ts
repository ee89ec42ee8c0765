import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../src/platform/database/embedded/start-embedded-postgres.js';
import { parentOf } from './process-stats.js';

/**
 * Durable as in production (a commit waits for the disk), with room for the whole data set and checkpoints far apart,
 * so that none falls into one side's turn and not into the other's.
 */
const SETTINGS = {
  fsync: 'on',
  synchronous_commit: 'on',
  shared_buffers: '512MB',
  max_wal_size: '8GB',
  min_wal_size: '3GB',
  huge_pages: 'try',
  checkpoint_timeout: '60min',
  max_connections: '120',
};

/** The one PostgreSQL server that both sides use. */
export interface BenchPostgres {
  /** The superuser's URL for a database of that server. */
  adminUrl(database: string): string;
  /** The postmaster, or null when the server is on another machine or in a container: its CPU time is unknown then. */
  postmasterPid: number | null;
  description: string;
  stop(): Promise<void>;
}

/**
 * @returns the server behind BENCH_DATABASE_URL (a superuser's URL), or else an embedded one with its data in the folder
 * BENCH_DATA_DIR, which stays, or in a temporary one
 */
export async function startPostgres(): Promise<BenchPostgres> {
  const given = process.env.BENCH_DATABASE_URL;
  return given ? useGiven(given) : startOwn();
}

async function useGiven(url: string): Promise<BenchPostgres> {
  const adminUrl = (database: string): string => {
    const other = new URL(url);
    other.pathname = `/${database}`;
    return other.href;
  };
  return { adminUrl, stop: async () => {}, ...(await describe(url)) };
}

async function startOwn(): Promise<BenchPostgres> {
  const kept = process.env.BENCH_DATA_DIR;
  const dataDir = kept ?? join(tmpdir(), `latchkey-bench-${process.pid}`);
  const server = await startEmbeddedPostgres({ dataDir, settings: SETTINGS });
  const stop = async (): Promise<void> => {
    await server.stop();
    if (!kept) rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    await wearIn(server.adminUrl());
  } catch (error) {
    await stop();
    throw error;
  }
  return { adminUrl: (database) => server.adminUrl(database), stop, ...(await describe(server.adminUrl())) };
}

/** More than the shared buffers hold. */
const WEAR_ROWS = 700_000;

/**
 * Leaves the server as one that has worked for an hour: all of its buffers were in use before, and there are files of the
 * write-ahead log to write into again. Otherwise every page that is used for the first time is paid for by the side that
 * writes more, on a virtual machine with up to 0.1 ms.
 */
async function wearIn(url: string): Promise<void> {
  await withClient(url, async (client) => {
    // A run that was broken off leaves it behind in a folder that stays.
    await client.query('DROP TABLE IF EXISTS wear');
    await client.query('CREATE TABLE wear (n integer, text text)');
    for (let turn = 0; turn < 2; turn++) {
      await client.query(
        `INSERT INTO wear SELECT n, repeat('x', 900) FROM generate_series(1, ${WEAR_ROWS}) n`,
      );
      await client.query('CHECKPOINT');
    }
    await client.query('DROP TABLE wear');
    await client.query('CHECKPOINT');
  });
}

/** Settings that decide the figures belong into the report; the postmaster is the parent of any backend. */
async function describe(url: string): Promise<Pick<BenchPostgres, 'description' | 'postmasterPid'>> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<Record<string, string>>(
      `SELECT current_setting('server_version') AS version, current_setting('fsync') AS fsync,
              current_setting('synchronous_commit') AS synchronous_commit,
              current_setting('shared_buffers') AS shared_buffers,
              coalesce(current_setting('huge_pages_status', true), 'unknown') AS huge_pages, pg_backend_pid() AS pid`,
    );
    const [{ version, pid, ...settings }] = rows;
    const listed = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
    return {
      description: `PostgreSQL ${version}, ${listed.join(', ')}`,
      postmasterPid: localPostmaster(Number(pid)),
    };
  });
}

function localPostmaster(backendPid: number): number | null {
  try {
    const isPostgres = readFileSync(`/proc/${backendPid}/comm`, 'latin1').startsWith('postgres');
    return isPostgres ? parentOf(backendPid) : null;
  } catch {
    return null;
  }
}

export async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

/** Creates an empty database in place of one of the same name, which can only be an earlier run's. */
export async function recreateDatabase(
  server: BenchPostgres,
  name: `latchkey_bench_${string}`,
): Promise<string> {
  await withClient(server.adminUrl('postgres'), async (client) => {
    await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${name}`);
  });
  return server.adminUrl(name);
}

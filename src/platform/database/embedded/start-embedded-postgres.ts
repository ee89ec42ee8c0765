import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { prepareBinaries, type Binaries } from './binaries.js';
import {
  ensureCluster,
  isAbandoned,
  openPassword,
  readSettings,
  renderSettings,
  setAside,
  SUPERUSER,
  writeSettings,
} from './cluster.js';
import { locateClusterHome, openDataDir, type ClusterHome } from './cluster-home.js';
import { EmbeddedPostgresError, reasonOf } from './embedded-postgres-error.js';
import { findFreePort, isPortFree, LOOPBACK } from './free-port.js';
import { acquireInstanceLock } from './instance-lock.js';
import { clusterVersion, PostgresServer } from './postgres-server.js';
import { readIfPresent, writePrivateFile } from './private-file.js';

export interface EmbeddedPostgresOptions {
  /** Holds the database, or points to it; created when missing. */
  readonly dataDir: string;
  /** Demands this port; without it a free one is chosen, remembered, and chosen again when it is taken. */
  readonly port?: number;
  /** Further lines of postgresql.conf, for example `{ fsync: 'off' }` in tests. */
  readonly settings?: Record<string, string>;
  readonly log?: (line: string) => void;
}

/** A running server that this process owns. */
export interface EmbeddedPostgres {
  readonly host: string;
  readonly port: number;
  /** The superuser's URL for a database, `postgres` by default. It contains the password. */
  adminUrl(database?: string): string;
  /** Stops the server and lets another process have the data directory. May be called again. */
  stop(): Promise<void>;
}

interface Start {
  readonly options: EmbeddedPostgresOptions;
  readonly dataDir: string;
  readonly home: ClusterHome;
  readonly server: PostgresServer;
  readonly log: (line: string) => void;
}

/**
 * Starts the PostgreSQL of a data directory, creating it the first time, or takes over the server that
 * a killed Latchkey left running. Installs no process handlers: whoever starts it stops it.
 *
 * @throws EmbeddedPostgresError with a message for the person at the terminal; never with the password.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const log = options.log ?? (() => undefined);
  const dataDir = openDataDir(options.dataDir);
  try {
    const home = locateClusterHome(dataDir);
    const lock = acquireInstanceLock(join(home.path, 'latchkey.lock'), dataDir);
    try {
      const binaries = await prepareBinaries(home);
      if (isAbandoned(dataDir, home)) await setAbandonedAside(home, binaries, log);
      const password = openPassword(dataDir, home);
      const origin = await ensureCluster(dataDir, home, binaries, password);
      if (origin === 'created') log(`PostgreSQL ${clusterVersion(home)}: created a database in ${home.data}`);
      const server = new PostgresServer(home, binaries, password);
      const port = await adoptOrStart({ options, dataDir, home, server, log });
      return handle(port, password, async () => {
        await server.stop();
        lock.release();
      });
    } catch (error) {
      lock.release();
      throw error;
    }
  } catch (error) {
    if (error instanceof EmbeddedPostgresError) throw error;
    throw new EmbeddedPostgresError(`Cannot start PostgreSQL in ${dataDir}: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

function handle(port: number, password: string, stop: () => Promise<void>): EmbeddedPostgres {
  let stopping: Promise<void> | undefined;
  return {
    host: LOOPBACK,
    port,
    adminUrl: (database = 'postgres') =>
      `postgres://${SUPERUSER}:${password}@${LOOPBACK}:${port}/${encodeURIComponent(database)}`,
    stop: () => {
      // A stop that failed may be tried again.
      stopping ??= stop().catch((error: unknown) => {
        stopping = undefined;
        throw error;
      });
      return stopping;
    },
  };
}

async function setAbandonedAside(home: ClusterHome, binaries: Binaries, log: Start['log']): Promise<void> {
  await new PostgresServer(home, binaries, '\0').stop();
  log(`The data directory is new; the database of the earlier one was kept as ${setAside(home)}`);
}

/** Three seconds: a server that was just killed still holds its data directory for a moment. */
const START_ATTEMPTS = 15;

async function adoptOrStart(start: Start): Promise<number> {
  let reason = '';
  for (let attempt = 0; attempt < START_ATTEMPTS; attempt += 1) {
    const adopted = await adopt(start);
    if (adopted !== null) return adopted;
    const port = await choosePort(start);
    writeSettings(start.home, renderSettings(port, LOOPBACK, start.options.settings ?? {}));
    const result = await start.server.start();
    if (result.started) {
      start.log(`PostgreSQL listens on ${LOOPBACK}:${port}`);
      return port;
    }
    reason = result.reason;
    if (!result.canRetry) break;
    await sleep(200);
  }
  // A server that was merely too slow must not stay behind.
  await start.server.stop();
  throw new EmbeddedPostgresError(reason);
}

/** Takes over a server left running by a dead owner, if it runs as this start wants it; otherwise stops it. */
async function adopt({ options, home, server, log }: Start): Promise<number | null> {
  const found = await server.settled();
  if (found === null) return null;
  const wanted = renderSettings(options.port ?? found.port, LOOPBACK, options.settings ?? {});
  if (readSettings(home) === wanted) {
    log(
      `Took over PostgreSQL (pid ${found.pid}) on ${LOOPBACK}:${found.port}, left running by an earlier process`,
    );
    return found.port;
  }
  log(`Restarting PostgreSQL (pid ${found.pid}), left running by an earlier process with other settings`);
  await server.stop();
  return null;
}

async function choosePort({ options, dataDir, log }: Start): Promise<number> {
  if (options.port !== undefined) {
    if (await isPortFree(options.port)) return options.port;
    throw new EmbeddedPostgresError(`Port ${options.port} for PostgreSQL is taken by another program`);
  }
  const file = join(dataDir, 'postgres-port');
  const remembered = Number(readIfPresent(file));
  if (remembered > 0 && remembered < 65536 && (await isPortFree(remembered))) return remembered;
  const port = await findFreePort();
  if (remembered) log(`Port ${remembered} is taken by another program; PostgreSQL moves to ${port}`);
  writePrivateFile(file, `${port}\n`);
  return port;
}

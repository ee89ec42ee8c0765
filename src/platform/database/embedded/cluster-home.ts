import { createHash } from 'node:crypto';
import { chmodSync, existsSync, lstatSync, mkdirSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { codeOf, EmbeddedPostgresError, reasonOf } from './embedded-postgres-error.js';
import { readIfPresent, writePrivateFile } from './private-file.js';
import { canReach, chooseServerAccount, type ServerAccount } from './server-account.js';

/** Where the server's own files live. */
export interface ClusterHome {
  /** Holds `data`, the lock, and a copy of the programs when one is needed. */
  readonly path: string;
  readonly data: string;
  /** Who runs the server; null for the user of this process. */
  readonly account: ServerAccount | null;
  /** The server's account cannot enter the data directory, so the cluster lives elsewhere. */
  readonly outside: boolean;
}

/** Creates the data directory when there is none; its real path is what the cluster belongs to. */
export function openDataDir(path: string): string {
  try {
    // Closed for others to list, but open for the server's account to pass through; secrets are 0600 by themselves.
    if (mkdirSync(path, { recursive: true, mode: 0o700 }) && process.getuid?.() === 0) chmodSync(path, 0o711);
    return realpathSync(path);
  } catch (error) {
    throw new EmbeddedPostgresError(`Cannot use the data directory ${path}: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

/** Finds the cluster of a data directory, or decides where a new one goes. */
export function locateClusterHome(dataDir: string): ClusterHome {
  const inside = join(dataDir, 'postgres');
  const pointer = pointerFile(dataDir);
  const recorded = readIfPresent(pointer)?.trim();
  const known = recorded ?? (existsSync(join(inside, 'data')) ? inside : null);
  if (known !== null) return knownHome(known, known !== inside, pointer);

  const account = chooseServerAccount(null);
  if (!canReach(account, dataDir)) return outsideHome(dataDir, account);
  mkdirSync(inside, { recursive: true, mode: 0o700 });
  if (account) chmodSync(inside, 0o711);
  return { path: inside, data: join(inside, 'data'), account, outside: false };
}

/** Records a cluster that lives outside; only once it is complete, so that the record never points to nothing. */
export function recordClusterHome(dataDir: string, home: ClusterHome): void {
  if (home.outside && readIfPresent(pointerFile(dataDir)) === null) {
    writePrivateFile(pointerFile(dataDir), `${home.path}\n`);
  }
}

function pointerFile(dataDir: string): string {
  return join(dataDir, 'postgres-location');
}

function knownHome(path: string, outside: boolean, pointer: string): ClusterHome {
  const data = join(path, 'data');
  // An empty database in place of the missing one would look like lost data.
  if (!existsSync(data))
    throw new EmbeddedPostgresError(
      `The database recorded in ${pointer} is not there: ${data}. ` +
        `Bring it back, or delete ${pointer} to begin with an empty one.`,
    );
  const account = chooseServerAccount(data);
  if (!canReach(account, path))
    throw new EmbeddedPostgresError(
      `PostgreSQL would run as uid ${account?.uid}, which cannot enter ${path}. ` +
        `Allow it to pass (chmod o+x on the folders above), or start Latchkey as a normal user.`,
    );
  return { path, data, account, outside };
}

function outsideHome(dataDir: string, account: ServerAccount | null): ClusterHome {
  const name = `latchkey-${createHash('sha256').update(dataDir).digest('hex').slice(0, 12)}`;
  const reasons: string[] = [];
  for (const parent of ['/var/lib', '/var/db', '/var/tmp', tmpdir()]) {
    try {
      const real = realpathSync(parent);
      if (!canReach(account, real)) throw new Error(`uid ${account?.uid} cannot enter it`);
      const path = join(real, name);
      makeOwnDirectory(path);
      return { path, data: join(path, 'data'), account, outside: true };
    } catch (error) {
      reasons.push(`${parent}: ${reasonOf(error)}`);
    }
  }
  throw new EmbeddedPostgresError(
    `PostgreSQL cannot run as root, uid ${account?.uid} cannot enter ${dataDir}, and no other place will do ` +
      `(${reasons.join('; ')}). Start Latchkey as a normal user, or set DATABASE_URL.`,
  );
}

/** The name can be foretold, so in a folder open to all somebody else may have made the directory first. */
function makeOwnDirectory(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    const { uid, mode } = lstatSync(path);
    const isOurs = lstatSync(path).isDirectory() && uid === process.getuid?.() && (mode & 0o022) === 0;
    if (!isOurs) throw new Error(`${path} exists and is not ours`, { cause: error });
  }
  chmodSync(path, 0o711);
}

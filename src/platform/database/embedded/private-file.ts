import { randomUUID } from 'node:crypto';
import {
  closeSync,
  fchownSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
  fsyncSync,
} from 'node:fs';
import { codeOf } from './embedded-postgres-error.js';
import type { ServerAccount } from './server-account.js';

/** Writes a 0600 file as a whole or not at all; it belongs to `owner`, or to this process. */
export function writePrivateFile(path: string, content: string, owner: ServerAccount | null = null): void {
  const draft = `${path}.${randomUUID()}`;
  try {
    // wx: in a folder of another account, a name that exists already could be a link to somewhere else.
    const file = openSync(draft, 'wx', 0o600);
    try {
      writeSync(file, content);
      if (owner) fchownSync(file, owner.uid, owner.gid);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

/** The text of a file, or null when there is none. */
export function readIfPresent(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

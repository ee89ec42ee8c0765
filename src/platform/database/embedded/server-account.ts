import { chownSync, readFileSync, statSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { EmbeddedPostgresError, reasonOf } from './embedded-postgres-error.js';

/** The account the server runs under when this process is root, which PostgreSQL refuses to run as. */
export interface ServerAccount {
  readonly uid: number;
  readonly gid: number;
}

/**
 * The account for the server, or null to run it as the user of this process.
 * Data that exists keeps its owner: a cluster made by a normal user still works under `sudo`.
 */
export function chooseServerAccount(existingData: string | null): ServerAccount | null {
  if (process.getuid?.() !== 0) return null;
  const owner = existingData === null ? null : statSync(existingData);
  if (owner !== null && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  return unprivilegedAccount();
}

/** initdb looks its user up by name, so a made-up uid will not do: it has to stand in the password file. */
function unprivilegedAccount(): ServerAccount {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of ['nobody', 'daemon']) {
    const fields = lines.find((line) => line.startsWith(`${name}:`))?.split(':');
    // macOS writes nobody as -2, which chown wants unsigned.
    if (fields) return { uid: Number(fields[2]) >>> 0, gid: Number(fields[3]) >>> 0 };
  }
  throw new EmbeddedPostgresError(
    'Latchkey runs as root and found no unprivileged account (nobody, daemon) to run PostgreSQL as. ' +
      'Start it as a normal user, or set DATABASE_URL to a server of your own.',
  );
}

/** Makes a directory the account's own. */
export function handOver(directory: string, account: ServerAccount): void {
  try {
    chownSync(directory, account.uid, account.gid);
  } catch (error) {
    // A container or user namespace whose root is not root outside.
    throw new EmbeddedPostgresError(
      `PostgreSQL cannot run as root, and this root may not hand files to uid ${account.uid} (${reasonOf(error)}). ` +
        'Start Latchkey as a normal user, or set DATABASE_URL to a server of your own.',
      { cause: error },
    );
  }
}

/** Whether the account may pass through a directory and everything above it. */
export function canReach(account: ServerAccount | null, directory: string): boolean {
  if (account === null) return true;
  for (let current = directory; ; current = dirname(current)) {
    if (!isAllowed(account, statSync(current), 0o1)) return false;
    if (current === dirname(current)) return true;
  }
}

/** Whether the account may read a file (and run it, when `execute`), the way to it left aside. */
export function canRead(account: ServerAccount | null, path: string, execute: boolean): boolean {
  return account === null || isAllowed(account, statSync(path), execute ? 0o5 : 0o4);
}

function isAllowed(account: ServerAccount, { uid, gid, mode }: Stats, wanted: number): boolean {
  // The first class that fits decides, even when a later one would allow more.
  const granted = uid === account.uid ? mode >> 6 : gid === account.gid ? mode >> 3 : mode;
  return (granted & wanted) === wanted;
}

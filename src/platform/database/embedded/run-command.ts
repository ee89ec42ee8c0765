import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { codeOf, EmbeddedPostgresError, reasonOf } from './embedded-postgres-error.js';
import type { ServerAccount } from './server-account.js';

export interface CommandResult {
  readonly succeeded: boolean;
  /** How it ended, and what it printed. */
  readonly summary: string;
}

interface CommandOptions {
  readonly account: ServerAccount | null;
  /** Out of reach of the terminal's Ctrl-C. */
  readonly ownSession?: boolean;
  readonly timeoutMs?: number;
}

/** Runs one of PostgreSQL's programs to its end. */
export async function runCommand(
  program: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  const { account, ownSession = false, timeoutMs } = options;
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => reject(cannotRun(program, account, error));
    try {
      const child = spawn(program, args, {
        // The current folder may be closed to the server's account.
        cwd: process.platform === 'win32' ? undefined : '/',
        env: commandEnvironment(),
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: ownSession,
        timeout: timeoutMs,
        windowsHide: true,
        ...(account && { uid: account.uid | 0, gid: account.gid | 0 }),
      });
      let output = '';
      const collect = (chunk: Buffer): void => void (output = (output + chunk.toString()).slice(-8000));
      child.stdout.on('data', collect);
      child.stderr.on('data', collect);
      child.once('error', fail);
      child.once('close', (code, signal) => {
        const ending = code === null ? `ended by ${signal}` : `exit code ${code}`;
        resolve({ succeeded: code === 0, summary: `${ending}\n${output.trim()}`.trim() });
      });
    } catch (error) {
      fail(error);
    }
  });
}

/** Not process.env: it holds Latchkey's secrets, and PGDATA or PGPORT of the user would change what happens. */
function commandEnvironment(): NodeJS.ProcessEnv {
  const inherited = ['PATH', 'SystemRoot', 'SystemDrive', 'TEMP', 'TMP'];
  const entries = inherited.flatMap((key) =>
    process.env[key] === undefined ? [] : [[key, process.env[key]]],
  );
  // C: the messages that are looked for in the log must be English.
  return { ...(Object.fromEntries(entries) as NodeJS.ProcessEnv), LC_ALL: 'C' };
}

function cannotRun(program: string, account: ServerAccount | null, error: unknown): EmbeddedPostgresError {
  const advice = 'Set DATABASE_URL to a PostgreSQL server of your own.';
  let reason = reasonOf(error);
  if (codeOf(error) === 'ENOENT' && existsSync(program))
    reason = 'the system lacks what the program needs (the binaries are for glibc, so not for Alpine)';
  if (account && ['EPERM', 'EINVAL'].includes(codeOf(error) ?? ''))
    reason = `this root may not switch to uid ${account.uid} (${reason}); start Latchkey as a normal user`;
  return new EmbeddedPostgresError(`Cannot run ${program}: ${reason}. ${advice}`, { cause: error });
}

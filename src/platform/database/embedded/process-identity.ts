import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';

/** A process that cannot be confused with a later one that was given the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in the words of the system; null where the system does not tell (Windows). */
  readonly startedAt: string | null;
}

/** The identity of a process of this machine, or null when no such process lives. */
export function identifyProcess(pid: number): ProcessIdentity | null {
  if (!Number.isInteger(pid) || pid <= 0 || !answersSignals(pid)) return null;
  if (process.platform === 'win32') return { pid, startedAt: null };
  const startedAt = process.platform === 'linux' ? startOnLinux(pid) : askPs(pid, 'lstart');
  return startedAt === null ? null : { pid, startedAt };
}

/** Whether that very process still lives, and not merely one with its pid. */
export function isStillRunning(identity: ProcessIdentity): boolean {
  const now = identifyProcess(identity.pid);
  if (now === null) return false;
  return now.startedAt === null || identity.startedAt === null || now.startedAt === identity.startedAt;
}

/** Whether a live process is the PostgreSQL server of this data directory. */
export function servesDataDirectory(pid: number, dataDirectory: string): boolean {
  if (identifyProcess(pid) === null) return false;
  // pg_ctl knows no more than this on Windows either.
  if (process.platform === 'win32') return true;
  if (process.platform !== 'linux') return askPs(pid, 'command')?.includes(dataDirectory) ?? false;
  try {
    // The server works inside its data directory; unlike the command line this follows a renamed folder.
    return readlinkSync(`/proc/${pid}/cwd`) === dataDirectory;
  } catch {
    return false;
  }
}

function answersSignals(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it exists and belongs to someone else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function startOnLinux(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The process name stands in parentheses and may itself contain both spaces and parentheses.
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie has ended; only its parent has not noticed.
    if (state === 'Z' || state === 'X') return null;
    // Ticks count from boot, so they mean nothing without the boot they belong to.
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot}/${fields[18]}`;
  } catch {
    return null;
  }
}

function askPs(pid: number, column: 'lstart' | 'command'): string | null {
  try {
    const answer = execFileSync('ps', ['-ww', '-o', `${column}=`, '-p', String(pid)], {
      encoding: 'utf8',
      env: { PATH: '/bin:/usr/bin', LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return answer.trim() || null;
  } catch {
    return null;
  }
}

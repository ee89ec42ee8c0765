import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** Fields of /proc/PID/stat after the name, which may itself contain blanks and brackets (proc(5)). */
function statFields(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

const PPID = 1;
const UTIME = 11;
const STIME = 12;
const CHILDREN_UTIME = 13;
const CHILDREN_STIME = 14;

let ticksPerSecond = 0;

export function parentOf(pid: number): number {
  return Number(statFields(pid)[PPID]);
}

function descendants(root: number): number[] {
  const childrenOf = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const parent = parentOf(Number(entry));
      childrenOf.set(parent, [...(childrenOf.get(parent) ?? []), Number(entry)]);
    } catch {
      // It ended while we looked.
    }
  }
  const found: number[] = [];
  const queue = [root];
  for (let pid = queue.pop(); pid !== undefined; pid = queue.pop()) {
    found.push(pid);
    queue.push(...(childrenOf.get(pid) ?? []));
  }
  return found;
}

/**
 * CPU time of a process and all its descendants since they started, ended ones included, in microseconds.
 * The kernel counts in ticks (10 ms), so only differences over seconds mean something.
 */
export function cpuMicroseconds(root: number): number {
  ticksPerSecond ||= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  let ticks = 0;
  for (const pid of descendants(root)) {
    try {
      const fields = statFields(pid);
      ticks += [UTIME, STIME, CHILDREN_UTIME, CHILDREN_STIME].reduce(
        (sum, at) => sum + Number(fields[at]),
        0,
      );
    } catch {
      // It ended while we looked; its parent has its time now.
    }
  }
  return (ticks * 1_000_000) / ticksPerSecond;
}

/** Memory that the process holds, in bytes. */
export function residentBytes(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
  return Number(line?.[1] ?? 0) * 1024;
}

/** Pins this process, and with it everything it starts from now on, to one core. */
export function pinThisProcess(core: number): void {
  execFileSync('taskset', ['-a', '-c', '-p', String(core), String(process.pid)]);
}

/** Pins every process of a running tree: one that was started elsewhere did not inherit our core. */
export function pinTree(root: number, core: number): void {
  for (const pid of descendants(root)) {
    execFileSync('taskset', ['-a', '-c', '-p', String(core), String(pid)]);
  }
}

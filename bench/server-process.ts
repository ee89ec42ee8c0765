import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Running } from './target.js';

export const SERVER_CORE = 0;
export const OTHER_CORE = 1;

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;

export interface ServerCommand {
  /** Arguments of `node`. */
  args: string[];
  env: NodeJS.ProcessEnv;
  /** Tells from a line of its output which port it listens on; null for any other line. */
  portOf: (line: string) => number | null;
  /** The one that it may run on; any when null. */
  core?: number | null;
}

const running = new Set<Running>();

/** For every way out, Ctrl-C included: a server left behind would spoil the next run's figures. */
export async function stopServers(): Promise<void> {
  await Promise.all([...running].map((server) => server.stop()));
}

/** Starts a server, on a core of its own unless another is given (`taskset` replaces itself by node, so the pid is the server's). */
export async function startServer({ args, env, portOf, core }: ServerCommand): Promise<Running> {
  const pin = core === null ? [] : ['taskset', '-c', String(core ?? SERVER_CORE)];
  const [command, ...rest] = [...pin, process.execPath, ...args];
  const child = spawn(command, rest, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    child.kill('SIGTERM');
    await once(child, 'exit');
    clearTimeout(timer);
  };
  try {
    const port = await waitForPort(child, portOf);
    const server = { pid: child.pid as number, port, stop };
    running.add(server);
    return server;
  } catch (error) {
    await stop();
    throw error;
  }
}

function waitForPort(child: ChildProcess, portOf: ServerCommand['portOf']): Promise<number> {
  return new Promise((resolve, reject) => {
    let pending = '';
    let shown = '';
    const timer = setTimeout(
      () => reject(new Error(`server did not start in time:\n${shown}`)),
      START_TIMEOUT_MS,
    );
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`server ended with ${code} before it listened:\n${shown}`));
    });
    // Read to the end: a server whose pipe is full would stand still. Errors must be seen, not only slow things down.
    child.stderr?.on('data', (chunk: Buffer) => {
      shown = (shown + chunk.toString()).slice(-4000);
      process.stderr.write(chunk);
    });
    let port: number | null = null;
    child.stdout?.on('data', (chunk: Buffer) => {
      if (port !== null) return;
      shown = (shown + chunk.toString()).slice(-4000);
      const lines = (pending + chunk.toString()).split('\n');
      pending = lines.pop() ?? '';
      for (const line of lines) port ??= portOf(line);
      if (port === null) return;
      clearTimeout(timer);
      resolve(port);
    });
  });
}

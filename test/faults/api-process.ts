import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

const READY_LIMIT_MS = 60_000;

/** The API as a process of its own, to be killed at any moment and started again on the same port. */
export class ApiProcess {
  private child: ChildProcess | null = null;
  private output = '';

  constructor(
    private readonly entry: string,
    private readonly env: NodeJS.ProcessEnv,
    readonly port: number,
  ) {}

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** The end of what it printed. */
  get lastOutput(): string {
    return this.output;
  }

  /** Whether the process that was started last still runs. */
  get isAlive(): boolean {
    return this.child !== null && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Resolves once `/readyz` says so. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, [this.entry], { env: this.env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    const keep = (chunk: Buffer): void => {
      this.output = (this.output + chunk.toString()).slice(-4000);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    for (const deadline = Date.now() + READY_LIMIT_MS; Date.now() < deadline;) {
      if (child.exitCode !== null) break;
      const ready = await fetch(`http://127.0.0.1:${this.port}/readyz`).catch(() => null);
      if (ready?.status === 200) return;
      await sleep(25);
    }
    throw new Error(`the API did not get ready:\n${this.output}`);
  }

  /** `kill -9`: nothing is flushed, closed or rolled back by the process. */
  kill(): Promise<void> {
    return this.end('SIGKILL');
  }

  stop(): Promise<void> {
    return this.end('SIGTERM');
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const { child } = this;
    this.child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }
}

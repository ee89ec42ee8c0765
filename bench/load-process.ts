import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { LoadOrder, LoadResult, LoadSetup } from './load.js';

interface Answer {
  result?: LoadResult;
  error?: string;
}

/** The load generator in a process of its own; it lives as long as its server, because it remembers what it changed. */
export class LoadProcess {
  private constructor(private readonly child: ChildProcess) {}

  static async start(setup: LoadSetup): Promise<LoadProcess> {
    const load = new LoadProcess(fork(fileURLToPath(new URL('./load.js', import.meta.url))));
    await load.ask(setup);
    return load;
  }

  run(order: LoadOrder): Promise<LoadResult> {
    return this.ask(order);
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.disconnect();
    await once(this.child, 'exit');
  }

  private ask(message: LoadSetup | LoadOrder): Promise<LoadResult> {
    return new Promise((resolve, reject) => {
      const ended = (): void => reject(new Error('the load generator ended'));
      this.child.once('exit', ended);
      this.child.once('message', ({ result, error }: Answer) => {
        this.child.off('exit', ended);
        if (result) resolve(result);
        else reject(new Error(error));
      });
      this.child.send(message);
    });
  }
}

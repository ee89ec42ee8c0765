import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { Options } from '@node-rs/argon2';

type Task =
  | { readonly kind: 'hash'; readonly password: string; readonly options: Options }
  | {
      readonly kind: 'verify';
      readonly password: string;
      readonly hash: string;
    };

interface Reply {
  readonly id: number;
  readonly result?: string | boolean;
  readonly error?: string;
}

/**
 * The thread's program. Linux gives every thread a priority of its own, and `/proc/thread-self` tells a thread its id; where
 * there is none, the thread keeps the priority it has.
 */
const PROGRAM = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { readlinkSync } = require('node:fs');
  const { setPriority, constants } = require('node:os');
  const { hashSync, verifySync } = require(workerData.argon2);
  try {
    setPriority(Number(readlinkSync('/proc/thread-self').split('/').pop()), constants.priority.PRIORITY_LOW);
  } catch {}
  parentPort.on('message', ({ id, task }) => {
    try {
      const result = task.kind === 'hash' ? hashSync(task.password, task.options) : verifySync(task.hash, task.password);
      parentPort.postMessage({ id, result });
    } catch (error) {
      parentPort.postMessage({ id, error: String(error.message) });
    }
  });
`;

/**
 * Computes argon2id on a thread of low priority, so that hashing takes the processor time that requests leave. The thread
 * starts with the first hash, does not keep the process alive, and is replaced when it ends.
 */
export class HashingThread {
  private worker: Worker | null = null;
  private readonly pending = new Map<
    number,
    { resolve: (result: never) => void; reject: (error: Error) => void }
  >();
  private lastId = 0;

  /** @throws Error what argon2 says of damaged data, or that the thread ended */
  run(task: Extract<Task, { kind: 'hash' }>): Promise<string>;
  run(task: Extract<Task, { kind: 'verify' }>): Promise<boolean>;
  run(task: Task): Promise<string | boolean> {
    this.worker ??= this.start();
    const id = ++this.lastId;
    const { worker } = this;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      worker.ref();
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
      worker.postMessage({ id, task });
    });
  }

  private start(): Worker {
    const argon2 = createRequire(import.meta.url).resolve('@node-rs/argon2');
    const worker = new Worker(PROGRAM, {
      eval: true,
      workerData: { argon2 },
      resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 2 },
    });
    worker.unref();
    worker.on('message', ({ id, result, error }: Reply) => {
      const waiting = this.pending.get(id);
      this.pending.delete(id);
      if (this.pending.size === 0) worker.unref();
      if (error !== undefined) waiting?.reject(new Error(error));
      else waiting?.resolve(result as never);
    });
    worker.on('error', (error: Error) => this.end(worker, error));
    worker.on('exit', () => this.end(worker, new Error('the hashing thread ended')));
    return worker;
  }

  private end(worker: Worker, error: Error): void {
    if (this.worker !== worker) return;
    this.worker = null;
    for (const { reject } of this.pending.values()) reject(error);
    this.pending.clear();
  }
}

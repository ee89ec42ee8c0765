import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { hashSync, parseOptions } from '@node-rs/argon2';
import type { BusyError } from '../../platform/http/error-mapping.js';
import { HashingThread } from './hashing-thread.js';

/** argon2id with the parameters of `security.md` (OWASP password storage cheat sheet; RFC 9106). Memory in KiB. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1, outputLen: 32 } as const;

/** `Algorithm.Argon2id` and `Version.V0x13`: ambient const enums cannot be read under `isolatedModules`. */
const ARGON2ID = 2;
const VERSION_13 = 1;

const MIN_SALT_BYTES = 16;

/** Threads of 19 MiB each at work, unless told otherwise. */
const MAX_DEFAULT_CONCURRENCY = 3;

const DEFAULT_QUEUE_LIMIT = 200;

export interface PasswordHasherOptions {
  /**
   * Hashes running at once, at least 1, each on a thread of low priority. Default: all processors but one, at most 3
   * (a hash takes about 25 ms and 19 MiB).
   */
  concurrency?: number;
  /** Hashes waiting beyond those, default 200. */
  queueLimit?: number;
}

/** Too many hashes are waiting. HTTP answers 503 with `Retry-After`; nothing was computed or changed. */
export class HashingBusyError extends Error implements BusyError {
  readonly retryAfterSeconds = 1;

  constructor() {
    super('Too many password hashes are waiting');
    this.name = 'HashingBusyError';
  }
}

/**
 * Hashes and verifies passwords without starving other requests: a bounded number at once, first come, first served,
 * and a bounded queue. Passwords are hashed exactly as received (ASVS 5.0 requirement 6.2.8). Never call it inside a
 * database transaction.
 */
export class PasswordHasher {
  private readonly concurrency: number;
  private readonly queueLimit: number;
  private readonly dummyHash: string;
  private readonly waiting: (() => void)[] = [];
  private readonly threads: HashingThread[] = [];
  private running = 0;

  /** Takes about 25 ms: computes the hash that {@link verifyDummy} works against. */
  constructor(options: PasswordHasherOptions = {}) {
    this.concurrency = options.concurrency ?? defaultConcurrency();
    this.queueLimit = options.queueLimit ?? DEFAULT_QUEUE_LIMIT;
    if (!Number.isInteger(this.concurrency) || this.concurrency < 1) {
      throw new RangeError('concurrency must be an integer of at least 1');
    }
    if (!Number.isInteger(this.queueLimit) || this.queueLimit < 0) {
      throw new RangeError('queueLimit must be an integer of at least 0');
    }
    this.dummyHash = hashSync(randomBytes(32), COST);
  }

  /** Hashes waiting for their turn, for metrics. */
  get queued(): number {
    return this.waiting.length;
  }

  /** The PHC string to store, with a random salt of 16 bytes. @throws HashingBusyError when the queue is full */
  hash(password: string): Promise<string> {
    return this.inTurn((thread) => thread.run({ kind: 'hash', password, options: COST }));
  }

  /**
   * Whether the password belongs to the stored hash, at the cost written in that hash; compares in constant time.
   *
   * @throws HashingBusyError when the queue is full
   * @throws Error when the stored text is no argon2 hash: damaged data must not look like a wrong password
   */
  verify(storedHash: string, password: string): Promise<boolean> {
    return this.inTurn((thread) => thread.run({ kind: 'verify', password, hash: storedHash }));
  }

  /**
   * For an unknown e-mail address: takes the same turn and time as {@link verify} and is never true, so that an answer's
   * time does not tell who has an account.
   *
   * @throws HashingBusyError when the queue is full
   */
  async verifyDummy(password: string): Promise<false> {
    await this.verify(this.dummyHash, password);
    return false;
  }

  /** Whether a hash was made with other parameters than today's, so that the next successful login replaces it. */
  needsRehash(storedHash: string): boolean {
    try {
      const made = parseOptions(storedHash);
      return (
        (made.algorithm as number) !== ARGON2ID ||
        (made.version as number) !== VERSION_13 ||
        made.memoryCost !== COST.memoryCost ||
        made.timeCost !== COST.timeCost ||
        made.parallelism !== COST.parallelism ||
        made.outputLen !== COST.outputLen ||
        made.saltLen < MIN_SALT_BYTES
      );
    } catch {
      return true;
    }
  }

  /** A finished hash hands its turn to the first in line, so nobody overtakes. */
  private async inTurn<T>(work: (thread: HashingThread) => Promise<T>): Promise<T> {
    if (this.running < this.concurrency) {
      this.running += 1;
    } else {
      if (this.waiting.length >= this.queueLimit) throw new HashingBusyError();
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
    const thread = this.threads.pop() ?? new HashingThread();
    try {
      return await work(thread);
    } finally {
      this.threads.push(thread);
      const next = this.waiting.shift();
      if (next === undefined) this.running -= 1;
      else next();
    }
  }
}

/** One processor stays free, where there are two. */
export function defaultConcurrency(processors = availableParallelism()): number {
  return Math.max(1, Math.min(processors - 1, MAX_DEFAULT_CONCURRENCY));
}

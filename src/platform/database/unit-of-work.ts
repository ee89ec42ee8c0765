import { randomUUID } from 'node:crypto';
import { accompanied } from './accompanied-statement.js';
import type { ChangeRecorder, RecordedChange } from './change-recorder.js';
import { type Database, enter } from './database.js';
import { isContention, isPgError, StaleWriteError } from './database-errors.js';
import { merged } from './merged-statements.js';
import type { Statement, TenantScope } from './statement.js';

/** A write that waits for the end of the handler. */
export interface StagedWrite {
  readonly statement: Statement;
  /** What the audit log will say, or null for a write that only accompanies one that has an entry. */
  readonly change: RecordedChange | null;
  /** Turns a database error of this unit into the one the client should see; null when it is not ours. */
  readonly explain?: (error: Error) => Error | null;
}

/** What the interceptor knows about the answer at the moment of the commit. */
export interface Answer {
  readonly statusCode: number;
  readonly body: unknown;
}

/**
 * All writes of one mutation. Handlers read, decide and stage; nothing is written until the handler has
 * succeeded, and then everything, audit rows included, goes to PostgreSQL in one round trip and one
 * transaction. A row that changed in between ends the unit with {@link StaleWriteError} and the interceptor
 * starts the handler again. So no connection is held while a handler thinks, and nothing can be half done.
 */
export class UnitOfWork {
  readonly id = randomUUID();
  private readonly writes: StagedWrite[] = [];
  private readonly locks = new Set<string>();
  private readonly loaded = new Map<string, unknown>();
  private beforeCommit: ((answer: Answer) => Statement) | null = null;
  private afterCommitHooks: (() => void)[] = [];
  private unchangedReason: string | null = null;
  private tenant: TenantScope | null;
  private committed = false;

  constructor(
    private readonly database: Database,
    private readonly recorder: ChangeRecorder,
    private readonly actor: () => Parameters<ChangeRecorder['statements']>[0],
    tenant: TenantScope | null,
  ) {
    this.tenant = tenant;
  }

  /** The tenant of the writes. Routes that find it out themselves (sign-in) call {@link actIn} first. */
  get scope(): TenantScope {
    if (this.tenant === null) throw new Error('the unit of work has no tenant yet');
    return this.tenant;
  }

  /** Gives a unit without a principal its tenant, once. */
  actIn(scope: TenantScope): void {
    if (this.tenant !== null) throw new Error('a unit of work belongs to one tenant');
    this.tenant = scope;
  }

  /** Adds a write; it runs at the commit, in the order of staging. */
  stage(write: StagedWrite): void {
    if (this.committed) throw new Error('the unit of work has ended');
    this.writes.push(write);
  }

  /**
   * Makes units that name the same thing take turns, from before the first write to the end of the transaction.
   * @param name unique among all that is locked; secrets and personal data have no place in it
   */
  lock(name: string): void {
    this.locks.add(name);
  }

  /** States that this request rightly changes nothing (a PATCH that alters nothing, a repeated conversion). */
  noChange(reason: string): void {
    this.unchangedReason = reason;
  }

  /** The state of a row as this unit leaves it, so that a second write builds on the first. */
  remember(key: string, row: unknown): void {
    this.loaded.set(key, row);
  }

  remembered<T>(key: string): T | undefined {
    return this.loaded.get(key) as T | undefined;
  }

  /** Lets the answer itself be stored in the same transaction (idempotency). */
  storeAnswer(write: (answer: Answer) => Statement): void {
    this.beforeCommit = write;
  }

  /** Runs after a successful commit; for in-process effects that may be lost. */
  afterCommit(hook: () => void): void {
    this.afterCommitHooks.push(hook);
  }

  /**
   * Writes everything, or nothing.
   * @throws UnrecordedMutationError when nothing was recorded and nothing explained why
   * @throws StaleWriteError when another writer was faster
   */
  async commit(answer: Answer): Promise<void> {
    this.committed = true;
    const changes = this.writes.flatMap((write) => (write.change ? [write.change] : []));
    if (changes.length === 0 && (this.writes.length > 0 || this.unchangedReason === null)) {
      throw new UnrecordedMutationError();
    }
    const statements = merged(this.writes.map((write) => write.statement));
    if (changes.length > 0) record(statements, this.recorder.statements(this.actor(), changes));
    if (this.beforeCommit) statements.push(this.beforeCommit(answer));
    if (statements.length > 0) await this.send(statements);
    for (const hook of this.afterCommitHooks) hook();
  }

  private async send(statements: Statement[]): Promise<void> {
    // Everyone takes them in one order, or two units could wait for each other.
    const locks = [...this.locks].sort();
    try {
      await this.database.run([enter(this.scope, this.id, locks), ...statements]);
    } catch (error) {
      if (isContention(error)) throw new StaleWriteError();
      if (!isPgError(error)) throw error;
      for (const write of this.writes) {
        const explained = write.explain?.(error) ?? null;
        if (explained) throw explained;
      }
      throw error;
    }
  }
}

/** Adds the audit rows: in the last write's own statement when it takes a companion. */
function record(statements: Statement[], audit: readonly Statement[]): void {
  const last = statements.at(-1);
  if (audit.length === 1 && last?.mayBeAccompanied)
    statements[statements.length - 1] = accompanied(last, audit[0]);
  else statements.push(...audit);
}

/** A mutation that recorded no change and did not say why: a defect, and the request fails (HTTP 500). */
export class UnrecordedMutationError extends Error {
  constructor() {
    super('the handler ended without a recorded change and without noChange(reason)');
    this.name = 'UnrecordedMutationError';
  }
}

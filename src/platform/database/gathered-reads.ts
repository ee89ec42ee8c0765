import { DatabaseUnavailableError } from './database-errors.js';
import type { Row, Statement, StatementResult } from './statement.js';
import { setsItsTenant } from './tenant-read.js';
import type { StatementSpan } from '../tracing/spans.js';

/** More would make the first one wait for the last. */
const MOST = 16;

interface Waiting {
  readonly statement: Statement;
  readonly span: StatementSpan | null;
  readonly resolve: (rows: readonly Row[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Sends the quick reads of one turn of the event loop together: one write, one transaction, one answer. Under load that
 * halves what a read by id costs both sides; alone, a read waits for nobody.
 *
 * Statements of different tenants share the transaction, which is why only such are taken that set their own tenant
 * before they touch a table (docs/decisions/0004): what a neighbour left in the setting is overwritten, never read.
 */
export class GatheredReads {
  private waiting: Waiting[] = [];

  constructor(
    private readonly run: (
      statements: readonly Statement[],
      connected: (() => void) | null,
    ) => Promise<readonly StatementResult[]>,
  ) {}

  /** @param span of this read alone, or null  @throws for a statement that does not set its own tenant; what the database throws */
  add(statement: Statement, span: StatementSpan | null): Promise<readonly Row[]> {
    return new Promise((resolve, reject) => {
      if (!setsItsTenant(statement)) throw new Error('a gathered read must set its own tenant');
      // Requests that arrived together have all been looked at when immediates run.
      if (this.waiting.length === 0) setImmediate(() => this.flush());
      this.waiting.push({ statement, span, resolve, reject });
    });
  }

  private flush(): void {
    const { waiting } = this;
    this.waiting = [];
    for (let from = 0; from < waiting.length; from += MOST) void this.send(waiting.slice(from, from + MOST));
  }

  private async send(group: readonly Waiting[]): Promise<void> {
    try {
      const results = await this.run(
        group.map(({ statement }) => statement),
        spansOf(group),
      );
      group.forEach(({ resolve }, i) => resolve(results[i].rows));
    } catch (error) {
      if (group.length === 1 || error instanceof DatabaseUnavailableError) {
        for (const { reject } of group) reject(error);
        return;
      }
      // One of them failed and took the others with it; each gets what is its own.
      for (const one of group) void this.send([one]);
    }
  }
}

/** Puts the spans of those that travel together in order; what they are to be told of their connection, or null without spans. */
function spansOf(group: readonly Waiting[]): (() => void) | null {
  const first = group.find(({ span }) => span !== null)?.span;
  if (!first) return null;
  if (group.length > 1) for (const { span } of group) span?.travels(first, group.length);
  return () => {
    for (const { span } of group) span?.connected();
  };
}

import type { INestApplicationContext } from '@nestjs/common';
import { Database } from '../../src/platform/database/database.js';
import type { Statement } from '../../src/platform/database/statement.js';

/** Remembers the statements that a running product sends, so that what is examined is what it really runs. */
export class WatchedStatements {
  private seen: Statement[] = [];

  constructor(app: INestApplicationContext) {
    const database = app.get(Database);
    const run = database.run.bind(database);
    database.run = (statements) => {
      this.seen.push(...statements);
      return run(statements);
    };
    const readQuick = database.readQuick.bind(database);
    database.readQuick = (statement) => {
      this.seen.push(statement);
      return readQuick(statement);
    };
  }

  /** The one read of that table which `work` made the product send. @throws when there was none, or more */
  async readOf(table: string, work: () => Promise<unknown>): Promise<Statement> {
    this.seen = [];
    await work();
    const reads = this.seen.filter(({ text }) => new RegExp(`(FROM|JOIN) ${table} [aet]\\b`).test(text));
    if (reads.length !== 1) throw new Error(`${reads.length} reads of ${table} instead of one`);
    return reads[0];
  }
}

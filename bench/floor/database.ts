import pg from 'pg';
import type { Statement } from './statements.js';

/** Values stay text: the answer is text as well, so a parsed Date or object would only be turned back. */
const asText = { getTypeParser: () => (value: string) => value };

export type Row = (string | null)[];
export type Answer = (error: Error | null, rows: Row[]) => void;

/** As many as the product has. */
const CONNECTIONS = 8;

/** The driver as its manual shows it: a pool, one named statement at a time on a connection. */
export class Database {
  private constructor(private readonly pool: pg.Pool) {}

  static async connect(connectionString: string): Promise<Database> {
    const pool = new pg.Pool({ connectionString, max: CONNECTIONS });
    pool.on('error', (error) => {
      throw error;
    });
    await pool.query('SELECT 1');
    return new Database(pool);
  }

  run(statement: Statement, values: unknown[], answer: Answer): void {
    this.pool.query(
      { name: statement.name, text: statement.text, values, rowMode: 'array', types: asText },
      (error: Error | null | undefined, result: pg.QueryArrayResult<Row>) =>
        error ? answer(error, []) : answer(null, result.rows),
    );
  }

  end(): Promise<void> {
    return this.pool.end();
  }
}

import { Socket } from 'node:net';
import pg from 'pg';
import type { Statement } from './statements.js';

/** Values stay text: the answer is text as well, so a parsed Date or object would only be turned back. */
const asText = { getTypeParser: () => (value: string) => value };

export type Row = (string | null)[];
export type Answer = (error: Error | null, rows: Row[]) => void;

interface Link {
  client: pg.Client;
  socket: Socket;
  corked: boolean;
}

/**
 * A few connections that each have several statements under way (`pipeline`), taken in turn. A pool would lend a
 * connection to one statement at a time and wait for its answer before sending the next.
 */
export class Database {
  private next = 0;

  private constructor(private readonly links: Link[]) {}

  static async connect(connectionString: string, connections: number): Promise<Database> {
    const links = Array.from({ length: connections }, () => {
      const socket = new Socket();
      const client = new pg.Client({ connectionString, pipeline: true, stream: () => socket });
      client.on('error', (error) => {
        throw error;
      });
      return { client, socket, corked: false };
    });
    await Promise.all(links.map(({ client }) => client.connect()));
    return new Database(links);
  }

  run(statement: Statement, values: unknown[], answer: Answer): void {
    const link = this.links[this.next];
    this.next = (this.next + 1) % this.links.length;
    if (!link.corked) holdBack(link);
    link.client.query(
      { name: statement.name, text: statement.text, values, rowMode: 'array', types: asText },
      (error: Error | null, result: pg.QueryArrayResult<Row>) => answer(error, error ? [] : result.rows),
    );
  }

  async end(): Promise<void> {
    await Promise.all(this.links.map(({ client }) => client.end()));
  }
}

/** What comes up in one turn of the event loop goes out in one write: a system call costs as much as the query's own work. */
function holdBack(link: Link): void {
  link.corked = true;
  link.socket.cork();
  setImmediate(() => {
    link.corked = false;
    link.socket.uncork();
  });
}

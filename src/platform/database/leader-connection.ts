import pg from 'pg';

/**
 * A connection past any pooler for work that one instance at a time does. Leadership is an advisory lock of the
 * session: it ends with the connection, however the process ends.
 */
export class LeaderConnection {
  private constructor(private readonly client: pg.Client) {}

  /** @param onLost when the connection breaks; may be called more than once */
  static async open(options: pg.ClientConfig, onLost: () => void): Promise<LeaderConnection> {
    const client = new pg.Client({ ...options, connectionTimeoutMillis: 2000, query_timeout: 30_000 });
    // Without a listener a lost connection would end the process.
    client.on('error', onLost);
    client.on('end', onLost);
    await client.connect();
    return new LeaderConnection(client);
  }

  /** Takes the lock if nobody else holds it. @param lock any constant that names the work */
  async lead(lock: number): Promise<boolean> {
    const { rows } = await this.client.query<{ leader: boolean }>(
      'SELECT pg_try_advisory_lock($1) AS leader',
      [lock],
    );
    return rows[0].leader;
  }

  async query<T extends pg.QueryResultRow>(query: pg.QueryConfig): Promise<T[]> {
    return (await this.client.query<T>(query)).rows;
  }

  async end(): Promise<void> {
    await this.client.end().catch(() => undefined);
  }
}

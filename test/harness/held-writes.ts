import pg from 'pg';
import { eventually } from './eventually.js';
import type { TestApp } from './test-app.js';
import { databaseUrl, testServer } from './test-server.js';

/**
 * Lets requests meet at the worst moment: none can write to the table before all of them have got as far as they can, whether that is
 * the write or a lock that another one holds. Reads go on.
 */
export async function whileWritesWait<T>(
  app: TestApp,
  table: string,
  requests: readonly (() => Promise<T>)[],
): Promise<T[]> {
  const holder = new pg.Client({
    connectionString: databaseUrl(testServer().adminUrl, app.database.name),
  });
  await holder.connect();
  try {
    await holder.query(`BEGIN; LOCK TABLE ${table} IN SHARE MODE`);
    const answers = Promise.all(requests.map((request) => request()));
    await eventually(async () => {
      const { rows } = await holder.query(
        `SELECT DISTINCT pid FROM pg_locks l JOIN pg_database d ON d.oid = l.database
         WHERE d.datname = current_database() AND NOT l.granted AND (l.relation = $1::regclass OR l.locktype = 'advisory')`,
        [table],
      );
      expect(rows).toHaveLength(requests.length);
    });
    await holder.query('COMMIT');
    return await answers;
  } finally {
    await holder.end();
  }
}

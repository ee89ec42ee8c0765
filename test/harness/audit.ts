import pg from 'pg';
import type { Account } from './accounts.js';
import type { TestDatabase } from './test-app.js';
import { databaseUrl, testServer } from './test-server.js';

/** Waits until nothing is pending and returns what /verify says. */
export async function sealed(owner: Account, withinMs = 5000): Promise<any> {
  const start = Date.now();
  for (;;) {
    const { json } = await owner.http.get('/v1/audit-log/verify');
    if (json.data.pendingRows === 0) return json.data;
    if (Date.now() - start > withinMs) throw new Error(`still pending: ${JSON.stringify(json.data)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export async function addClients(owner: Account, count: number, fields: object = {}): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n++) {
    const created = await owner.http.post('/v1/clients', { firstName: `Client ${n}`, ...fields });
    if (created.status !== 201) throw new Error(`a client was refused: ${created.text}`);
    ids.push(created.json.data.id);
  }
  return ids;
}

/** Runs SQL as the superuser with all triggers out of the way. */
export async function tamper(database: TestDatabase, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl(testServer().adminUrl, database.name) });
  await client.connect();
  await client.query(`SET session_replication_role = replica; ${sql}`);
  await client.end();
}

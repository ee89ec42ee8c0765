import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { type Checkpoint, checkpointInsert, checkpointText } from '../../src/oversight/audit/checkpoint.js';
import { merkleRoot } from '../../src/oversight/audit/merkle.js';
import { digestOf } from '../../src/oversight/audit/row-digest.js';
import { signedText } from '../../src/oversight/audit/seal.js';
import { SealedLog } from '../../src/oversight/audit/sealed-log.js';
import { SigningKey } from '../../src/oversight/audit/signing-key.js';
import type { Account } from './accounts.js';
import type { TestApp, TestDatabase } from './test-app.js';
import { databaseUrl, testServer } from './test-server.js';

/** Waits until nothing is pending and returns what /verify says. */
export async function sealed(owner: Account, withinMs = 90_000): Promise<any> {
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

/** What a checkpoint of {@link plantCheckpoint} says. `month` is `YYYY-MM`. */
type Planted = Pick<Checkpoint, 'teamId' | 'month' | 'rows' | 'otherIds'> &
  Partial<Pick<Checkpoint, 'lastSeq' | 'lastRoot'>>;

/** Adds a checkpoint that this key signed, as retention would, or somebody who has found the key's seed. */
export async function plantCheckpoint(database: TestDatabase, seed: string, planted: Planted): Promise<void> {
  const key = SigningKey.from(seed);
  const [year, month] = planted.month.split('-').map(Number);
  const point = {
    lastSeq: 0,
    lastRoot: '00'.repeat(32),
    ...planted,
    id: randomUUID(),
    before: new Date(Date.UTC(year, month)).toISOString(),
    removedAt: new Date().toISOString(),
    removedBy: 'job audit-retention',
    reason: 'none',
    keyId: key.keyId,
  };
  const { text, values } = checkpointInsert({ ...point, signature: key.sign(checkpointText(point)) });
  await database.sql(text, [...values]);
}

/**
 * Signs the rows that wait and adds them as the next batch of all, as a database administrator who holds an old seed would.
 * @returns the first of them
 */
export async function forgeBatch(app: TestApp, owner: Account, key: SigningKey): Promise<string> {
  const rows = await app.app.get(SealedLog).pendingAfter(owner.teamId, null, 10);
  const { head } = (await owner.http.get('/v1/audit-log/verify')).json.data;
  const [ids, digests] = [rows.map(({ id }) => id), rows.map(digestOf)];
  const times = rows.map(({ createdAt }) => createdAt).sort();
  const header = {
    teamId: owner.teamId,
    seq: head.seq + 1,
    rows: rows.length,
    totalRows: head.totalRows + rows.length,
    lastId: ids[ids.length - 1],
    firstCreatedAt: times[0],
    lastCreatedAt: times[times.length - 1],
    sealedAt: new Date().toISOString(),
    root: merkleRoot(ids, digests),
    previousRoot: head.root,
    keyId: key.keyId,
  };
  await tamper(
    app.database,
    `INSERT INTO audit_seal (team_id, seq, ids, digests, total_rows, first_created_at, last_created_at, sealed_at, root,
        previous_root, key_id, signature, page)
      SELECT '${header.teamId}', ${header.seq}, '{${ids.join(',')}}', '\\x${digests.join('')}',
        ${header.totalRows}, '${header.firstCreatedAt}', '${header.lastCreatedAt}', '${header.sealedAt}', '\\x${header.root}',
        '\\x${header.previousRoot}', '${header.keyId}', '\\x${key.sign(signedText(header))}', max(page) + 1 FROM audit_seal`,
  );
  return ids[0];
}

import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { WatchedStatements } from '../../bench/crm/watched-statements.js';
import { newId } from '../../src/platform/crypto/new-id.js';
import { type Account, createKey, registerOwner } from '../harness/accounts.js';
import { addClients, tamper } from '../harness/audit.js';
import { faultsOfFilter } from '../harness/filter-plans.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const ORDINARY_ROWS = 20_000;

/** What few rows of a large log have, and the filter that finds them. */
const RARE = {
  resourceType: 'team',
  resourceId: randomUUID(),
  userId: randomUUID(),
  apiKeyId: randomUUID(),
  action: 'DELETE',
  requestId: 'request-of-a-bad-day',
};
const FILTERS = Object.entries(RARE);

/** What leads to few rows, with what all the others have as well. */
const OF_FEW = [
  `resourceType=client&action=UPDATE&resourceId=${RARE.resourceId}`,
  `resourceType=client&action=UPDATE&requestId=${RARE.requestId}`,
];

const text = (value: string | null): string => (value === null ? 'NULL' : `'${value}'`);

describe('the list of the audit log', () => {
  let app: TestApp;
  let owner: Account;
  let watched: WatchedStatements;
  let client: pg.Client;
  const withoutStatistics: string[] = [];

  /** The oldest rows are the rare ones, one for each filter; then thousands that no filter wants. */
  beforeAll(async () => {
    app = await startTestApp({ env: { ROLE: 'api', USER_RATE_LIMIT: '100000/900' } });
    owner = await registerOwner(app.http);
    watched = new WatchedStatements(app.app);
    const usual = {
      resourceType: 'client',
      resourceId: randomUUID(),
      userId: owner.userId,
      apiKeyId: null,
      action: 'UPDATE',
      requestId: 'usual',
    };
    for (const [filter, value] of FILTERS) await insert({ ...usual, [filter]: value }, 1);
    await insert(usual, ORDINARY_ROWS);
    client = new pg.Client({ connectionString: app.database.appUrl });
    await client.connect();
    for (const query of OF_FEW) {
      const read = await watched.readOf('audit_log', () => list(query));
      withoutStatistics.push(...(await faultsOfFilter(client, read, 'audit_log')));
    }
    await app.database.sql('VACUUM ANALYZE audit_log');
  });
  afterAll(async () => {
    await client.end();
    await app.close();
  });

  async function insert(row: Record<keyof typeof RARE, string | null>, count: number): Promise<void> {
    await tamper(
      app.database,
      `INSERT INTO audit_log (team_id, id, action, resource_type, resource_id, user_id, api_key_id, auth_method, new_values, request_id)
       SELECT '${owner.teamId}', id, ${text(row.action)}, ${text(row.resourceType)}, ${text(row.resourceId)}, ${text(row.userId)},
         ${text(row.apiKeyId)}, 'jwt', '{}', ${text(row.requestId)}
       FROM unnest('{${Array.from({ length: count }, () => newId()).join(',')}}'::uuid[]) id`,
    );
  }

  const list = (query: string) => owner.http.get(`/v1/audit-log?${query}`);

  it.each(FILTERS)('finds the few rows by %s', async (filter, value) => {
    const { json } = await list(`${filter}=${value}`);
    expect(json.data.length).toBeGreaterThan(0);
    expect(json.data.every((row: Record<string, unknown>) => row[filter] === value)).toBe(true);
  });

  it.each(FILTERS)(
    'reads along an index by %s: nothing of the thousands around them',
    async (filter, value) => {
      const read = await watched.readOf('audit_log', () => list(`${filter}=${value}`));
      expect(await faultsOfFilter(client, read, 'audit_log')).toEqual([]);
    },
  );

  it('reads the few rows of a record or a request alone, also before PostgreSQL has looked at the log', () => {
    expect(withoutStatistics).toEqual([]);
  });

  it('takes several filters together, and shows every row once, page by page', async () => {
    const other = await registerOwner(app.http);
    const ids = await addClients(other, 5);
    const ofOther = await createKey(other, ['clients:write', 'clients:read']);
    const byKey = await ofOther.http.post('/v1/clients', { firstName: 'Of a key', phone: '+15551230000' });
    expect(byKey.status).toBe(201);
    const shown: string[] = [];
    for (let cursor = ''; ;) {
      const query = `resourceType=client&action=CREATE&userId=${other.userId}&limit=2${cursor}`;
      const { json } = await other.http.get(`/v1/audit-log?${query}`);
      shown.push(...json.data.map(({ resourceId }: { resourceId: string }) => resourceId));
      if (json.meta.nextCursor === null) break;
      cursor = `&cursor=${json.meta.nextCursor}`;
    }
    expect(shown).toEqual([...ids, byKey.json.data.id].toReversed());
    const [row] = (await other.http.get(`/v1/audit-log?requestId=${String(byKey.headers['x-request-id'])}`))
      .json.data;
    expect(row).toMatchObject({
      resourceId: byKey.json.data.id,
      userId: other.userId,
      authMethod: 'api_key',
    });
    const ofKey = (await other.http.get(`/v1/audit-log?apiKeyId=${row.apiKeyId}`)).json.data;
    expect(ofKey.map(({ id }: { id: string }) => id)).toEqual([row.id]);
    expect((await owner.http.get(`/v1/audit-log?apiKeyId=${row.apiKeyId}`)).json.data).toEqual([]);
  });

  it.each([
    ['userId', 'me'],
    ['apiKeyId', 'key'],
    ['resourceId', '1'],
    ['action', 'READ'],
    ['resourceType', 'a-b'],
    ['requestId', 'a b'],
    ['from', 'yesterday'],
  ])('names the filter that it cannot use: %s', async (filter, value) => {
    const { status, json } = await list(`${filter}=${encodeURIComponent(value)}`);
    expect([status, json.error.code]).toEqual([400, 'VALIDATION_FAILED']);
    expect(json.error.details[0].field).toBe(filter);
  });
});

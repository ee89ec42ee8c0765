import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { WatchedStatements } from '../../bench/crm/watched-statements.js';
import { newId } from '../../src/platform/crypto/new-id.js';
import { type Account, registerOwner } from '../harness/accounts.js';
import { tamper } from '../harness/audit.js';
import { faultsOfFilter } from '../harness/filter-plans.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const MANY = 5000;

interface Row {
  readonly id: string;
  readonly action: string;
  readonly resourceType: string;
  readonly requestId: string;
}

const newRow = (action: string, resourceType: string, requestId = 'usual'): Row => ({
  id: newId(),
  action,
  resourceType,
  requestId,
});

const minutes = (ahead: number): string => new Date(Date.now() + ahead * 60_000).toISOString();

/** All pages of the list. */
async function idsOf(owner: Account, query: string, limit = 100): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor = ''; ;) {
    const { json } = await owner.http.get(`/v1/audit-log?limit=${limit}&${query}${cursor}`);
    ids.push(...json.data.map(({ id }: Row) => id));
    if (json.meta.nextCursor === null) return ids;
    cursor = `&cursor=${json.meta.nextCursor}`;
  }
}

describe('what the filters of the audit log find', () => {
  let app: TestApp;
  let watched: WatchedStatements;
  let client: pg.Client;

  beforeAll(async () => {
    app = await startTestApp({ env: { ROLE: 'api', USER_RATE_LIMIT: '100000/900' } });
    watched = new WatchedStatements(app.app);
    client = new pg.Client({ connectionString: app.database.appUrl });
    await client.connect();
  });
  afterAll(async () => {
    await client.end();
    await app.close();
  });

  async function insert(owner: Account, rows: readonly Row[]): Promise<void> {
    const values = rows.map(
      ({ id, action, resourceType, requestId }) =>
        `('${owner.teamId}', '${id}', '${action}', '${resourceType}', '${randomUUID()}', 'jwt', '${requestId}')`,
    );
    await tamper(
      app.database,
      `INSERT INTO audit_log (team_id, id, action, resource_type, resource_id, auth_method, request_id) VALUES ${values.join(',')}`,
    );
  }

  it('are the rows of one request, newest first, page by page', async () => {
    const owner = await registerOwner(app.http);
    const requestId = newId();
    const rows = [
      newRow('UPDATE', 'client', requestId),
      newRow('CREATE', 'lead', requestId),
      newRow('UPDATE', 'lead', requestId),
    ];
    await insert(owner, [...rows, newRow('UPDATE', 'client', newId())]);
    const newestFirst = rows.map(({ id }) => id).toReversed();
    expect(await idsOf(owner, `requestId=${requestId}`)).toEqual(newestFirst);
    expect(await idsOf(owner, `requestId=${requestId}`, 1)).toEqual(newestFirst);
    expect(await idsOf(owner, `requestId=${requestId}&action=UPDATE`)).toEqual([rows[2].id, rows[0].id]);
  });

  describe('of an action and a kind', () => {
    const ACTIONS = ['CREATE', 'UPDATE', 'DELETE'];
    const KINDS = ['client', 'lead', 'listing'];
    let owner: Account;
    let rows: Row[];

    beforeAll(async () => {
      owner = await registerOwner(app.http);
      rows = Array.from({ length: 90 }, (_, n) => newRow(ACTIONS[(n * 7) % 3], KINDS[(n >> 2) % 3]));
      await insert(owner, rows);
    });

    const expected = (matches: (row: Row) => boolean): string[] =>
      rows
        .filter(matches)
        .map(({ id }) => id)
        .toReversed();

    it.each(ACTIONS)('%s: every row of every kind once, newest first, page by page', async (action) => {
      const wanted = expected((row) => row.action === action);
      const found = await idsOf(owner, `action=${action}`, 7);
      expect(new Set(found).size).toBe(found.length);
      // Registering left rows of the team's own.
      expect(found.filter((id) => rows.some((row) => row.id === id))).toEqual(wanted);
      expect(await idsOf(owner, `action=${action}&resourceType=lead`, 7)).toEqual(
        expected((row) => row.action === action && row.resourceType === 'lead'),
      );
    });

    it.each(KINDS)('%s: every row of every action once, newest first, page by page', async (kind) => {
      expect(await idsOf(owner, `resourceType=${kind}`, 7)).toEqual(
        expected((row) => row.resourceType === kind),
      );
    });

    it('within a time', async () => {
      const leads = expected((row) => row.resourceType === 'lead');
      expect(await idsOf(owner, `resourceType=lead&from=${minutes(-1)}&to=${minutes(1)}`, 7)).toEqual(leads);
      expect(await idsOf(owner, `resourceType=lead&from=${minutes(1)}`)).toEqual([]);
      expect(await idsOf(owner, `resourceType=lead&to=${minutes(-1)}`)).toEqual([]);
      expect(await idsOf(owner, `action=DELETE&from=${minutes(1)}`)).toEqual([]);
      expect(await idsOf(owner, `action=DELETE&to=${minutes(-1)}`)).toEqual([]);
    });

    it.each(['before', 'after'])(
      'reads nothing of what many rows have each and few together, %s PostgreSQL has looked at the log',
      async (when) => {
        const large = await registerOwner(app.http);
        const many = Array.from({ length: MANY }, () => [
          newRow('UPDATE', 'client'),
          newRow('DELETE', 'lead'),
        ]);
        await insert(large, [newRow('DELETE', 'client'), ...many.flat()]);
        if (when === 'after') await app.database.sql('VACUUM ANALYZE audit_log');
        const read = await watched.readOf('audit_log', () =>
          large.http.get('/v1/audit-log?resourceType=client&action=DELETE'),
        );
        expect(await faultsOfFilter(client, read, 'audit_log')).toEqual([]);
      },
    );
  });
});

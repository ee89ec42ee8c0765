import pg from 'pg';
import { type Account, createKey, registerOwner } from '../harness/accounts.js';
import { moveClock } from '../harness/clock.js';
import { eventually } from '../harness/eventually.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const MINUTE_MS = 60_000;

describe('use of API keys', () => {
  let app: TestApp;
  let owner: Account;

  beforeAll(async () => {
    app = await startTestApp();
    owner = await registerOwner(app.http);
  });
  afterAll(() => app.close());
  afterEach(() => moveClock(app, 0));

  it('when and whence a key was last used is written within seconds, then at most once a minute', async () => {
    const key = await createKey(owner, ['clients:read']);
    await key.http.get('/v1/scopes', { from: '127.90.0.1' });
    await eventually(async () => expect((await lastUse(key.id)).ip).toBe('127.90.0.1'));
    const first = (await lastUse(key.id)).at;
    await key.http.get('/v1/scopes', { from: '127.90.0.2' });
    moveClock(app, MINUTE_MS / 2);
    await key.http.get('/v1/scopes', { from: '127.90.0.3' });
    // The timer has passed at least once when a later first use of another key has arrived.
    const other = await createKey(owner, []);
    await other.http.get('/v1/scopes');
    await eventually(async () => expect((await lastUse(other.id)).at).not.toBeNull());
    expect(await lastUse(key.id)).toEqual({ ip: '127.90.0.1', at: first });
    moveClock(app, MINUTE_MS + 5000);
    await eventually(async () => expect((await lastUse(key.id)).ip).toBe('127.90.0.3'));
    expect(await versionOf(key.id)).toBe(1);
    expect(await auditRows(key.id)).toBe(1);
  });

  it('it never goes backwards, whatever another instance’s clock says', async () => {
    const key = await createKey(owner, []);
    const second = await startTestApp({ database: app.database });
    await key.http.get('/v1/scopes', { from: '127.91.0.1' });
    await eventually(async () => expect((await lastUse(key.id)).ip).toBe('127.91.0.1'));
    moveClock(second, -60 * MINUTE_MS);
    await second.http.get('/v1/scopes', { headers: { 'x-api-key': key.key }, from: '127.91.0.9' });
    await second.close();
    expect((await lastUse(key.id)).ip).toBe('127.91.0.1');
    expect(await requestsOf(key.id)).toBe(2);
  });

  it('a shutdown writes what is still in memory', async () => {
    const key = await createKey(owner, []);
    const second = await startTestApp({ database: app.database });
    const headers = { 'x-api-key': key.key };
    for (let i = 0; i < 7; i++) await second.http.get('/v1/scopes', { headers, from: '127.92.0.1' });
    await second.close();
    expect(await requestsOf(key.id)).toBe(7);
    expect((await lastUse(key.id)).ip).toBe('127.92.0.1');
  });

  it('two instances count into the same hour', async () => {
    const key = await createKey(owner, []);
    const apps = await Promise.all([1, 2].map(() => startTestApp({ database: app.database })));
    const headers = { 'x-api-key': key.key };
    for (let i = 0; i < 10; i++) await apps[i % 2].http.get('/v1/scopes', { headers });
    await Promise.all(apps.map((each) => each.close()));
    expect(await requestsOf(key.id)).toBe(10);
  });

  it('the first network of a key is no news, the next one is an event, once', async () => {
    const key = await createKey(owner, []);
    await key.http.get('/v1/scopes', { from: '127.93.1.1' });
    await eventually(async () => expect((await lastUse(key.id)).at).not.toBeNull());
    await key.http.get('/v1/scopes', { from: '127.93.1.200' });
    for (let i = 1; i <= 3; i++) await key.http.get('/v1/scopes', { from: `127.93.2.${i}` });
    await eventually(async () => {
      expect(await eventsOf(key.id, 'unusual_ip')).toMatchObject([{ details: { network: '127.93.2.0/24' } }]);
    });
    expect((await eventsOf(key.id, 'unusual_ip'))[0].ipAddress).toMatch(/^127\.93\.2\./);
  });

  it('an hour far above the median of the week is an event, once, and stops nobody', async () => {
    const key = await createKey(owner, [], { rateLimitPerMinute: 1000 });
    await app.database.sql(
      `INSERT INTO api_key_usage (team_id, api_key_id, hour, requests)
       SELECT $1, $2, date_trunc('hour', now()) - n * interval '1 hour', 20 + n FROM generate_series(1, 5) n`,
      [owner.teamId, key.id],
    );
    const statuses = new Set<number>();
    for (let i = 0; i < 120; i++) statuses.add((await key.http.get('/v1/scopes')).status);
    expect([...statuses]).toEqual([200]);
    moveClock(app, 2 * MINUTE_MS);
    await eventually(async () => {
      expect(await eventsOf(key.id, 'api_key_usage_spike')).toMatchObject([
        { details: { count: 120, usual: 23 } },
      ]);
    });
    await key.http.get('/v1/scopes');
    moveClock(app, 4 * MINUTE_MS);
    await eventually(async () => expect(await requestsOf(key.id)).toBe(115 + 121));
    expect(await eventsOf(key.id, 'api_key_usage_spike')).toHaveLength(1);
  });

  it('a key without a history is not compared with nothing', async () => {
    const key = await createKey(owner, [], { rateLimitPerMinute: 1000 });
    for (let i = 0; i < 120; i++) await key.http.get('/v1/scopes');
    moveClock(app, 2 * MINUTE_MS);
    await eventually(async () => expect(await requestsOf(key.id)).toBe(120));
    expect(await eventsOf(key.id, 'api_key_usage_spike')).toEqual([]);
  });

  it('the application’s role cannot write these rows itself, in or out of a unit of work', async () => {
    const key = await createKey(owner, []);
    const client = new pg.Client({ connectionString: app.database.appUrl });
    await client.connect();
    try {
      for (const text of [
        `INSERT INTO api_key_usage (team_id, api_key_id, hour, requests) VALUES ('${owner.teamId}', '${key.id}', now(), 1)`,
        `DELETE FROM api_key_usage`,
        `INSERT INTO api_key_networks VALUES ('${owner.teamId}', '${key.id}', '10.0.0.0/8', now())`,
        `UPDATE latchkey.api_keys SET last_used_at = now()`,
        `DELETE FROM api_keys`,
      ]) {
        await client.query('BEGIN');
        await client.query(
          `SELECT set_config('app.team_id', $1, true), set_config('app.unit_of_work', 'x', true)`,
          [owner.teamId],
        );
        await expect(client.query(text)).rejects.toThrow(/permission denied|does not exist/);
        await client.query('ROLLBACK');
      }
      const seen = await client.query('SELECT count(*) FROM api_key_usage');
      expect(seen.rows[0].count).toBe('0');
    } finally {
      await client.end();
    }
  });

  async function lastUse(id: string): Promise<{ at: string | null; ip: string | null }> {
    const { lastUsedAt, lastUsedIp } = (await owner.http.get(`/v1/api-keys/${id}`)).json.data;
    return { at: lastUsedAt, ip: lastUsedIp };
  }

  async function versionOf(id: string): Promise<number> {
    return (await owner.http.get(`/v1/api-keys/${id}`)).json.data.version;
  }

  async function auditRows(id: string): Promise<number> {
    return (await app.database.sql('SELECT FROM audit_log WHERE resource_id = $1', [id])).length;
  }

  async function requestsOf(id: string): Promise<number> {
    const [row] = await app.database.sql(
      'SELECT coalesce(sum(requests), 0)::int AS total FROM api_key_usage WHERE api_key_id = $1',
      [id],
    );
    return row.total;
  }

  async function eventsOf(apiKeyId: string, type: string): Promise<any[]> {
    const answer = await owner.http.get(`/v1/security-events?type=${type}`);
    return answer.json.data.filter((event: { apiKeyId: string }) => event.apiKeyId === apiKeyId);
  }
});

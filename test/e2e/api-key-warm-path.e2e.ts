import type pg from 'pg';
import { DataSource } from 'typeorm';
import { type Account, createKey, registerOwner } from '../harness/accounts.js';
import { eventually } from '../harness/eventually.js';
import { inAQuietMoment } from '../harness/quiet-moment.js';
import { addMember, changeRole } from '../harness/members.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const POOL_MAX = 3;
const atOnce = (assertion: () => Promise<void>): Promise<void> => eventually(assertion, 1000);

describe('API keys on the warm path', () => {
  let app: TestApp;
  let other: TestApp;
  let owner: Account;

  beforeAll(async () => {
    app = await startTestApp({ env: { DATABASE_POOL_MAX: String(POOL_MAX) } });
    other = await startTestApp({ database: app.database });
    owner = await registerOwner(app.http);
  });
  afterAll(async () => {
    await other.close();
    await app.close();
  });

  it('a warm key is authenticated, limited and scoped while no database connection can be had', async () => {
    const key = await createKey(owner, ['clients:read']);
    const cold = await createKey(owner, ['clients:read']);
    expect((await key.http.get('/v1/scopes')).status).toBe(200);
    const held = await holdPool();
    try {
      for (let i = 0; i < 50; i++) {
        const answer = await key.http.get('/v1/scopes');
        expect([answer.status, answer.headers['ratelimit-limit']]).toEqual([200, '600']);
      }
      expect((await key.http.get('/v1/leads')).status).not.toBe(503);
      expect((await key.http.post('/v1/clients', {})).json.error.code).toBe('INSUFFICIENT_SCOPE');
      const wrong = {
        headers: { 'x-api-key': `${key.key.slice(0, -1)}${key.key.endsWith('0') ? '1' : '0'}` },
      };
      expect((await app.http.get('/v1/scopes', wrong)).status).toBe(401);
      // The proof that the pool is really shut: an unknown key has to be looked up.
      expect((await cold.http.get('/v1/scopes')).status).toBe(503);
    } finally {
      for (const client of held) client.release();
    }
  });

  it('what changes on one instance holds on the other within a second', () =>
    inAQuietMoment(async () => {
      const admin = await addMember(app, owner, 'admin');
      const key = await createKey(admin, ['clients:read', 'audit:read']);
      const there = other.http.with({ 'x-api-key': key.key });
      const codeThere = async (path: string) => (await there.get(path)).json.error?.code ?? 'fine';
      expect(await codeThere('/v1/audit-log')).toBe('fine');

      await changeRole(app, admin, 'agent');
      await atOnce(async () => expect(await codeThere('/v1/audit-log')).toBe('INSUFFICIENT_SCOPE'));
      expect(await codeThere('/v1/clients')).toBe('fine');

      const patch = (fields: object) => owner.http.patch(`/v1/api-keys/${key.id}`, fields);
      await patch({ allowedIps: ['10.0.0.0/8'] });
      await atOnce(async () => expect(await codeThere('/v1/clients')).toBe('IP_NOT_ALLOWED'));
      await patch({ allowedIps: [], rateLimitPerMinute: 7 });
      await atOnce(async () => expect((await there.get('/v1/clients')).headers['ratelimit-limit']).toBe('7'));
      await patch({ scopes: [], rateLimitPerMinute: null });
      await atOnce(async () => expect(await codeThere('/v1/clients')).toBe('INSUFFICIENT_SCOPE'));
      await owner.http.delete(`/v1/api-keys/${key.id}`);
      await atOnce(async () => expect(await codeThere('/v1/clients')).toBe('API_KEY_REVOKED'));
    }));

  it('a removed member’s keys end with the membership within a second', () =>
    inAQuietMoment(async () => {
      const agent = await addMember(app, owner, 'agent');
      const key = await createKey(agent, ['clients:read']);
      const there = other.http.with({ 'x-api-key': key.key });
      expect((await there.get('/v1/scopes')).status).toBe(200);
      await app.database.sql(
        `WITH gone AS (DELETE FROM memberships WHERE user_id = $1) SELECT pg_notify('latchkey_invalidate', 'user:' || $1)`,
        [agent.userId],
      );
      await atOnce(async () =>
        expect((await there.get('/v1/scopes')).json.error?.code).toBe('UNAUTHENTICATED'),
      );
    }));

  async function holdPool(): Promise<pg.PoolClient[]> {
    const { master } = app.app.get(DataSource, { strict: false }).driver as unknown as { master: pg.Pool };
    return Promise.all(Array.from({ length: POOL_MAX }, () => master.connect()));
  }
});

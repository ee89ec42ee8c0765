import { type Account, createKey, freshAddress, registerOwner } from '../harness/accounts.js';
import { moveClock } from '../harness/clock.js';
import { eventually, soon } from '../harness/eventually.js';
import { addMember, changeRole } from '../harness/members.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const DAY_MS = 86_400_000;

const create = (who: Account, fields: object) => who.http.post('/v1/api-keys', { name: 'Key', ...fields });

describe('API keys', () => {
  let app: TestApp;
  let owner: Account;

  beforeAll(async () => {
    app = await startTestApp();
    owner = await registerOwner(app.http);
  });
  afterAll(() => app.close());
  afterEach(() => moveClock(app, 0));

  const member = (role: string) => addMember(app, owner, role);

  describe('are made', () => {
    it('with the key in that answer alone, for 90 days, and stored as a keyed hash', async () => {
      const made = await create(owner, { scopes: ['clients:read'] });
      expect(made.status).toBe(201);
      const { key, ...view } = made.json.data;
      expect(key).toMatch(/^lk_live_[A-Za-z0-9]{16}_[A-Za-z0-9]{38}$/);
      expect(view).toMatchObject({
        scopes: ['clients:read'],
        allowedIps: [],
        ipMode: 'enforce',
        status: 'active',
        prefix: key.slice(0, 14),
        lastFour: key.slice(-4),
        createdBy: owner.userId,
        lastUsedAt: null,
        lastUsedIp: null,
      });
      const lifeMs = Date.parse(view.expiresAt) - Date.parse(view.createdAt);
      expect(Math.abs(lifeMs - 90 * DAY_MS)).toBeLessThan(5_000);
      const read = await owner.http.get(`/v1/api-keys/${view.id}`);
      expect(read.json.data).toEqual(view);
      expect(read.headers.etag).toBe('"v1"');
      const everything = JSON.stringify(await app.database.sql('SELECT * FROM api_keys, audit_log'));
      expect(everything).not.toContain(key.split('_')[3].slice(0, 32));
    });

    it.each([
      ['an unknown scope', { scopes: ['clients:fly'] }],
      ['a scope no key may hold', { scopes: ['secrets:read'] }],
      ['the scope that would let keys make keys', { scopes: ['api-keys:write'] }],
      ['null scopes', { scopes: null }],
      ['more than 365 days', { expiresInDays: 366 }],
      ['an end beyond 365 days', { expiresAt: new Date(Date.now() + 366 * DAY_MS).toISOString() }],
      ['an end in the past', { expiresAt: '2020-01-01T00:00:00.000Z' }],
      ['an end without a time zone', { expiresAt: '2027-01-01T00:00:00' }],
      ['two ends', { expiresAt: new Date(Date.now() + DAY_MS).toISOString(), expiresInDays: 5 }],
      ['a limit of 0', { rateLimitPerMinute: 0 }],
      ['an unknown field', { createdBy: '018f0000-0000-7000-8000-000000000000' }],
      ['an octal address', { allowedIps: ['010.0.0.1'] }],
      ['a short address', { allowedIps: ['10.1'] }],
      ['a prefix of 33', { allowedIps: ['10.0.0.0/33'] }],
      ['a zone id', { allowedIps: ['fe80::1%eth0'] }],
      ['bits beyond the prefix', { allowedIps: ['10.0.0.1/8'] }],
      ['an address that is no text', { allowedIps: [1] }],
      ['ranges that are no list', { allowedIps: '10.0.0.0/8' }],
    ])('%s is 400', async (_, fields) => {
      const refused = await create(owner, fields);
      expect([refused.status, refused.json.error.code]).toEqual([400, 'VALIDATION_FAILED']);
    });

    it('a scope that the creator lacks is 403 and named', async () => {
      const agent = await member('agent');
      const refused = await create(agent, { scopes: ['clients:read', 'audit:read'] });
      expect([refused.status, refused.json.error.code]).toEqual([403, 'INSUFFICIENT_SCOPE']);
      expect(refused.json.error.details[0]).toEqual({ field: 'required', message: 'audit:read' });
      expect((await create(await member('viewer'), { scopes: ['clients:read'] })).status).toBe(403);
    });

    it('ranges are kept in their one spelling, mapped ones as IPv4', async () => {
      const made = await create(owner, {
        allowedIps: ['::ffff:10.0.0.0/104', '10.0.0.0/8', '2001:DB8::/32'],
      });
      expect(made.json.data.allowedIps).toEqual(['10.0.0.0/8', '2001:db8::/32']);
      const read = await owner.http.get(`/v1/api-keys/${made.json.data.id}`);
      expect(read.json.data.allowedIps).toEqual(['10.0.0.0/8', '2001:db8::/32']);
    });
  });

  describe('are changed', () => {
    it('in every field at once, with both sides in the audit log and at once in force', async () => {
      const key = await createKey(owner, ['clients:read', 'clients:pii']);
      expect((await key.http.get('/v1/clients')).status).toBe(200);
      const expiresAt = new Date(Date.now() + 30 * DAY_MS).toISOString();
      const patched = await owner.http.patch(`/v1/api-keys/${key.id}`, {
        name: 'Renamed',
        scopes: ['listings:read'],
        allowedIps: ['127.0.0.0/8'],
        ipMode: 'observe',
        rateLimitPerMinute: 50,
        expiresAt,
      });
      expect(patched.status).toBe(200);
      const changed = {
        name: 'Renamed',
        scopes: ['listings:read'],
        allowedIps: ['127.0.0.0/8'],
        ipMode: 'observe',
        rateLimitPerMinute: 50,
        expiresAt,
      };
      expect(patched.json.data).toMatchObject({ ...changed, version: 2 });
      const read = (await owner.http.get(`/v1/api-keys/${key.id}`)).json.data;
      // Usage is noted on the side, when it has time.
      const { lastUsedAt, lastUsedIp } = read;
      expect(read).toEqual({ ...patched.json.data, lastUsedAt, lastUsedIp });
      await soon(async () => expect((await key.http.get('/v1/clients')).status).toBe(403));
      const [row] = await app.database.sql(
        `SELECT old_values, new_values FROM audit_log WHERE resource_id = $1 AND action = 'UPDATE'`,
        [key.id],
      );
      expect(row.new_values).toEqual(changed);
      expect(row.old_values).toMatchObject({ name: 'Test key', scopes: ['clients:pii', 'clients:read'] });
      const refused = await key.http.get('/v1/clients');
      expect(refused.json.error.details).toEqual([
        { field: 'required', message: 'clients:read' },
        { field: 'granted', message: 'listings:read' },
      ]);
    });

    it('nothing new is 200 without an audit row', async () => {
      const key = await createKey(owner, ['clients:read', 'leads:read']);
      const patched = await owner.http.patch(`/v1/api-keys/${key.id}`, {
        name: 'Test key',
        scopes: ['leads:read', 'clients:read'],
      });
      expect([patched.status, patched.json.data.version]).toEqual([200, 1]);
      expect(await auditActions(key.id)).toEqual(['CREATE']);
    });

    it('null goes back to the default limit, but empties nothing else', async () => {
      const key = await createKey(owner, [], { rateLimitPerMinute: 5 });
      const patched = await owner.http.patch(`/v1/api-keys/${key.id}`, { rateLimitPerMinute: null });
      expect(patched.json.data.rateLimitPerMinute).toBeNull();
      for (const field of ['name', 'scopes', 'allowedIps', 'ipMode', 'expiresAt']) {
        const refused = await owner.http.patch(`/v1/api-keys/${key.id}`, { [field]: null });
        expect([field, refused.status]).toEqual([field, 400]);
      }
    });

    it('a stale If-Match is 412 on PATCH and DELETE', async () => {
      const key = await createKey(owner, []);
      await owner.http.patch(`/v1/api-keys/${key.id}`, { name: 'Two' });
      const stale = { headers: { 'if-match': '"v1"' } };
      expect((await owner.http.patch(`/v1/api-keys/${key.id}`, { name: 'Three' }, stale)).status).toBe(412);
      expect((await owner.http.delete(`/v1/api-keys/${key.id}`, stale)).status).toBe(412);
      const fresh = { headers: { 'if-match': '"v2"' } };
      expect((await owner.http.delete(`/v1/api-keys/${key.id}`, fresh)).status).toBe(200);
    });

    it('a scope that the editor lacks is 403, an end beyond 365 days 400', async () => {
      const agent = await member('agent');
      const key = await createKey(agent, ['clients:read']);
      const patch = (fields: object) => agent.http.patch(`/v1/api-keys/${key.id}`, fields);
      expect((await patch({ scopes: ['clients:read', 'audit:read'] })).json.error.code).toBe(
        'INSUFFICIENT_SCOPE',
      );
      expect((await patch({ scopes: ['secrets:read'] })).status).toBe(400);
      const tooFar = new Date(Date.now() + 366 * DAY_MS).toISOString();
      expect((await patch({ expiresAt: tooFar })).status).toBe(400);
    });

    it('an ended key stays ended: PATCH and rotate are 409', async () => {
      const revoked = await createKey(owner, []);
      await owner.http.delete(`/v1/api-keys/${revoked.id}`);
      const expired = await createKey(owner, [], { expiresInDays: 1 });
      const expiresAt = new Date(Date.now() + 30 * DAY_MS).toISOString();
      await app.database.sql('UPDATE api_keys SET expires_at = now() WHERE id = $1', [expired.id]);
      for (const { id } of [revoked, expired]) {
        expect((await owner.http.patch(`/v1/api-keys/${id}`, { expiresAt })).json.error.code).toBe(
          'CONFLICT',
        );
        expect((await owner.http.post(`/v1/api-keys/${id}/rotate`, { overlapHours: 1 })).status).toBe(409);
      }
    });
  });

  describe('are shown', () => {
    it('with their status: active, expiring, expired, revoked, rotating', async () => {
      const status = async (id: string) => (await owner.http.get(`/v1/api-keys/${id}`)).json.data.status;
      const key = await createKey(owner, [], { expiresInDays: 10 });
      const rotated = await createKey(owner, []);
      await owner.http.post(`/v1/api-keys/${rotated.id}/rotate`, { overlapHours: 168 });
      const revoked = await createKey(owner, []);
      await owner.http.delete(`/v1/api-keys/${revoked.id}`);
      expect([await status(key.id), await status(rotated.id), await status(revoked.id)]).toEqual([
        'active',
        'rotating',
        'revoked',
      ]);
      moveClock(app, 3 * DAY_MS);
      expect(await status(key.id)).toBe('expiring');
      moveClock(app, 10 * DAY_MS);
      expect([await status(key.id), await status(rotated.id)]).toEqual(['expired', 'expired']);
    });

    it('to an agent only their own; another’s, another team’s and none are the same 404', async () => {
      const agent = await member('agent');
      const own = await createKey(agent, ['clients:read']);
      const foreign = await createKey(owner, ['clients:read']);
      const stranger = await createKey(await registerOwner(app.http), ['clients:read']);
      const list = await agent.http.get('/v1/api-keys');
      expect(list.json.data.map((key: { id: string }) => key.id)).toEqual([own.id]);
      const answers = [];
      for (const id of [foreign.id, stranger.id, '018f0000-0000-7000-8000-000000000000']) {
        for (const answer of [
          await agent.http.get(`/v1/api-keys/${id}`),
          await agent.http.patch(`/v1/api-keys/${id}`, { name: 'Mine' }),
          await agent.http.post(`/v1/api-keys/${id}/rotate`, { overlapHours: 1 }),
          await agent.http.delete(`/v1/api-keys/${id}`),
        ]) {
          answers.push([answer.status, answer.json.error.message]);
        }
      }
      expect(new Set(answers.map(String)).size).toBe(1);
      expect(answers[0][0]).toBe(404);
    });
  });

  describe('are rotated', () => {
    it('both work through the overlap, then only the new one', async () => {
      const old = await createKey(owner, ['clients:read'], {
        allowedIps: ['127.0.0.0/8'],
        expiresInDays: 30,
      });
      const answer = await owner.http.post(`/v1/api-keys/${old.id}/rotate`, { overlapHours: 24 });
      expect(answer.status).toBe(201);
      const { key, id, ...view } = answer.json.data;
      expect(key).not.toBe(old.key);
      expect(view).toMatchObject({ scopes: ['clients:read'], allowedIps: ['127.0.0.0/8'], status: 'active' });
      expect(Math.abs(Date.parse(view.expiresAt) - Date.now() - 30 * DAY_MS)).toBeLessThan(60_000);
      const next = owner.http.with({ authorization: undefined, 'x-api-key': key });
      expect((await next.get('/v1/clients')).status).toBe(200);
      expect((await old.http.get('/v1/clients')).status).toBe(200);
      moveClock(app, DAY_MS);
      expect((await next.get('/v1/clients')).status).toBe(200);
      expect((await old.http.get('/v1/clients')).json.error.code).toBe('API_KEY_EXPIRED');
      expect(await auditActions(id)).toEqual(['CREATE']);
      expect(await auditActions(old.id)).toEqual(['CREATE', 'UPDATE']);
    });

    it('an overlap never outlives the old key, 0 ends it at once, and an extension of it is 409', async () => {
      const short = await createKey(owner, [], { expiresInDays: 2 });
      const before = (await owner.http.get(`/v1/api-keys/${short.id}`)).json.data.expiresAt;
      await owner.http.post(`/v1/api-keys/${short.id}/rotate`, { overlapHours: 168 });
      expect((await owner.http.get(`/v1/api-keys/${short.id}`)).json.data.expiresAt).toBe(before);
      const later = new Date(Date.now() + 30 * DAY_MS).toISOString();
      const extended = await owner.http.patch(`/v1/api-keys/${short.id}`, { expiresAt: later });
      expect(extended.json.error.code).toBe('CONFLICT');
      const ended = await createKey(owner, ['clients:read']);
      await owner.http.post(`/v1/api-keys/${ended.id}/rotate`, { overlapHours: 0 });
      await soon(async () =>
        expect((await ended.http.get('/v1/clients')).json.error?.code).toBe('API_KEY_EXPIRED'),
      );
    });

    it('once only, also when two ask at the same moment', async () => {
      const key = await createKey(owner, []);
      const answers = await Promise.all(
        Array.from({ length: 4 }, () =>
          owner.http.post(`/v1/api-keys/${key.id}/rotate`, { overlapHours: 1 }),
        ),
      );
      expect(answers.map((answer) => String(answer.status)).sort()).toEqual(['201', '409', '409', '409']);
    });

    it.each([-1, 169, 1.5, '24', null])('an overlap of %p is 400', async (overlapHours) => {
      const key = await createKey(owner, []);
      expect((await owner.http.post(`/v1/api-keys/${key.id}/rotate`, { overlapHours })).status).toBe(400);
    });

    it('the new key is its maker’s, so nobody learns a secret that acts for another', async () => {
      const agent = await member('agent');
      const key = await createKey(agent, ['clients:read']);
      const rotated = await owner.http.post(`/v1/api-keys/${key.id}/rotate`, { overlapHours: 1 });
      expect(rotated.json.data.createdBy).toBe(owner.userId);
    });
  });

  describe('can do', () => {
    it('nothing without scopes', async () => {
      const key = await createKey(owner, []);
      expect((await key.http.get('/v1/auth/me')).json.data.scopes).toEqual([]);
      expect((await key.http.get('/v1/clients')).json.error.code).toBe('INSUFFICIENT_SCOPE');
    });

    it('what their creator can do now: a demotion takes the scopes along at once', async () => {
      const admin = await member('admin');
      const key = await createKey(admin, ['clients:read', 'clients:write', 'audit:read']);
      expect((await key.http.get('/v1/audit-log')).status).toBe(200);
      await changeRole(app, admin, 'viewer');
      await soon(async () => {
        expect((await key.http.get('/v1/audit-log')).json.error?.code).toBe('INSUFFICIENT_SCOPE');
      });
      expect((await key.http.get('/v1/auth/me')).json.data.scopes).toEqual(['clients:read']);
    });

    it('nothing with keys: making, listing, changing, rotating and revoking are 403', async () => {
      const key = await createKey(owner, ['clients:read', 'clients:write']);
      // Even a row edited by hand gives a key no hold over keys.
      await app.database.sql(
        `INSERT INTO api_key_scopes SELECT team_id, id, 'api-keys', '{read,write}' FROM api_keys WHERE id = $1`,
        [key.id],
      );
      for (const answer of [
        await key.http.post('/v1/api-keys', { name: 'Minted', scopes: ['clients:read'] }),
        await key.http.get('/v1/api-keys'),
        await key.http.get(`/v1/api-keys/${key.id}`),
        await key.http.patch(`/v1/api-keys/${key.id}`, { name: 'Mine' }),
        await key.http.post(`/v1/api-keys/${key.id}/rotate`, { overlapHours: 1 }),
        await key.http.delete(`/v1/api-keys/${key.id}`),
      ]) {
        expect(answer.status).toBe(403);
      }
    });

    it('nothing once revoked, and its further use is a security event', async () => {
      const key = await createKey(owner, ['clients:read']);
      expect((await key.http.get('/v1/clients')).status).toBe(200);
      await owner.http.delete(`/v1/api-keys/${key.id}`);
      await soon(async () =>
        expect((await key.http.get('/v1/clients')).json.error?.code).toBe('API_KEY_REVOKED'),
      );
      await eventually(() => expect(app.logged()).toContain('revoked_api_key_used'));
      expect((await owner.http.delete(`/v1/api-keys/${key.id}`)).status).toBe(200);
      expect(await auditActions(key.id)).toEqual(['CREATE', 'UPDATE']);
    });
  });

  describe('are presented', () => {
    it('as X-API-Key or as a bearer token, not as both', async () => {
      const { key } = await createKey(owner, ['clients:read']);
      const both = { 'x-api-key': key, authorization: `Bearer ${owner.accessToken}` };
      for (const [headers, status] of [
        [{ 'x-api-key': key }, 200],
        [{ authorization: `Bearer ${key}` }, 200],
        [both, 401],
      ] as const) {
        expect((await app.http.get('/v1/clients', { headers, from: freshAddress() })).status).toBe(status);
      }
    });

    it('never in a URL: 400 however it is spelled, on open routes too, and besides a good credential', async () => {
      const { key } = await createKey(owner, ['clients:read']);
      const escaped = [...key].map((char) => `%${char.charCodeAt(0).toString(16)}`).join('');
      for (const path of [
        `/v1/clients?api_key=${key}`,
        `/v1/clients?${key}`,
        `/v1/clients?limit=5&api_key=${escaped}`,
        `/v1/clients?x=%ff%&k=${key.replaceAll('_', '%5F')}`,
        `/v1/auth/csrf?key=${key}`,
        `/v1/scopes?key=${key}`,
      ]) {
        for (const headers of [{}, { 'x-api-key': key }]) {
          const refused = await app.http.get(path, { headers, from: freshAddress() });
          expect([path, refused.status]).toEqual([path, 400]);
          expect(refused.text).not.toContain(key);
        }
      }
    });
  });

  async function auditActions(id: string): Promise<string[]> {
    const rows = await app.database.sql(
      `SELECT action FROM audit_log WHERE resource_id = $1 AND resource_type = 'api_key' ORDER BY id`,
      [id],
    );
    return rows.map((row) => row.action);
  }
});

import { randomBytes } from 'node:crypto';
import { setPlatformAdmin } from '../../src/identity/platform-admins/platform-grant.js';
import { SecurityEvents } from '../../src/oversight/security-events/security-events.service.js';
import {
  type Account,
  cookieOf,
  createKey,
  freshAddress,
  PASSWORD,
  registerOwner,
} from '../harness/accounts.js';
import { moveClock } from '../harness/clock.js';
import { eventually, soon } from '../harness/eventually.js';
import { inAQuietMoment } from '../harness/quiet-moment.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const MINUTE_MS = 60_000;
/** The promise. */
const SHARED_WITHIN_MS = 1000;
const ALLOWED = '127.99.0.7';
const via = (address: string) => ({ from: '127.77.0.1', headers: { 'x-forwarded-for': address } });

describe('honeypots and address blocks', () => {
  let app: TestApp;
  let other: TestApp;
  let owner: Account;

  beforeAll(async () => {
    app = await startTestApp({
      env: { IP_BLOCK_ALLOWLIST: '127.99.0.0/24', TRUSTED_PROXIES: '127.77.0.1/32' },
    });
    other = await startTestApp({ database: app.database });
    owner = await registerOwner(app.http);
  });
  beforeEach(() => moveClock(app, 0));
  afterAll(async () => {
    await other.close();
    await app.close();
  });

  const backdoor = (from: string, headers: Record<string, string> = {}) =>
    app.http.post('/v1/admin/backdoor', {}, { from, headers });
  const probe = (from: string, headers: Record<string, string> = {}) =>
    app.http.get('/v1/clients', { from, headers });
  const codeOf = async (from: string, headers: Record<string, string> = {}) =>
    (await probe(from, headers)).json.error?.code ?? 'none';
  const blocksOf = async (from: string) =>
    (await app.database.sql('SELECT FROM ip_blocks WHERE subject = $1', [from])).length;
  const eventsOf = async (requestId: unknown) => {
    await app.app.get(SecurityEvents).flush();
    return app.database.sql(
      `SELECT type, severity, details FROM platform_security_events WHERE request_id = $1
       UNION ALL SELECT type, severity, details FROM security_events WHERE request_id = $1`,
      [requestId],
    );
  };

  describe('the back door', () => {
    it('answers 404 like any unknown path, and the address is out at once', async () => {
      const from = freshAddress();
      const answer = await backdoor(from);
      const unknown = await app.http.post('/v1/admin/nothing', {}, { from: freshAddress() });
      expect([answer.status, answer.json.error.code, answer.json.error.message]).toEqual([
        404,
        unknown.json.error.code,
        unknown.json.error.message,
      ]);
      const next = await probe(from);
      expect([next.status, next.json.error.code]).toEqual([403, 'IP_BLOCKED']);
      expect(Number(next.headers['retry-after'])).toBeGreaterThan(800);
      expect(await eventsOf(answer.headers['x-request-id'])).toContainEqual({
        type: 'honeypot_triggered',
        severity: 'high',
        details: { trap: 'backdoor', path: '/v1/admin/backdoor' },
      });
    });

    it('blocks whatever the body is, also one that no route would read', async () => {
      const from = freshAddress();
      const form = await app.http.send('POST', '/v1/admin/backdoor', {
        from,
        raw: 'a=1',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      });
      expect(form.status).toBe(404);
      expect(await codeOf(from)).toBe('IP_BLOCKED');
    });

    it('is 15 minutes the first time, then an hour, then 24 hours, and release is on time', async () => {
      const from = freshAddress();
      let now = 0;
      let round = 0;
      for (const minutes of [15, 60, 1440, 1440]) {
        moveClock(app, now);
        expect((await backdoor(from)).status).toBe(404);
        round++;
        // The first minutes are provisional: the database, which counts offences, follows within milliseconds.
        await comesTrue(async () => (await blocksOf(from)) === round);
        await comesTrue(async () => Number((await probe(from)).headers['retry-after']) > minutes * 60 - 60);
        moveClock(app, now + (minutes - 2) * MINUTE_MS);
        expect(await codeOf(from)).toBe('IP_BLOCKED');
        now += minutes * MINUTE_MS + 5000;
        moveClock(app, now);
        expect(await codeOf(from)).toBe('UNAUTHENTICATED');
      }
    });

    it('blocks an IPv6 address by its /64', async () => {
      await app.http.post('/v1/admin/backdoor', {}, via('2001:db8:1:2::1'));
      const neighbour = await app.http.get('/v1/clients', via('2001:db8:1:2:ffff::9'));
      expect(neighbour.json.error.code).toBe('IP_BLOCKED');
      const elsewhere = await app.http.get('/v1/clients', via('2001:db8:1:3::1'));
      expect(elsewhere.json.error.code).toBe('UNAUTHENTICATED');
    });

    it('a form on another site does not block its visitor, but is recorded', async () => {
      const from = freshAddress();
      const answer = await backdoor(from, { 'sec-fetch-site': 'cross-site' });
      expect(answer.status).toBe(404);
      expect(await codeOf(from)).toBe('UNAUTHENTICATED');
      const [event] = await eventsOf(answer.headers['x-request-id']);
      expect(event).toMatchObject({ type: 'honeypot_triggered', details: { spared: 'cross_site' } });
    });

    it('an allow-listed range is recorded, never blocked', async () => {
      const answer = await backdoor(ALLOWED);
      expect(await codeOf(ALLOWED)).toBe('UNAUTHENTICATED');
      expect((await eventsOf(answer.headers['x-request-id']))[0].details.spared).toBe('allow_list');
    });

    it('an authenticated caller is recorded, never blocked; a bad credential protects nobody', async () => {
      const from = freshAddress();
      const authorization = `Bearer ${owner.accessToken}`;
      const answer = await backdoor(from, { authorization });
      expect(await codeOf(from)).toBe('UNAUTHENTICATED');
      expect((await eventsOf(answer.headers['x-request-id']))[0].details.spared).toBe('authenticated');
      await backdoor(from, { authorization: `${authorization}x` });
      expect(await codeOf(from)).toBe('IP_BLOCKED');
    });
  });

  describe('a blocked address', () => {
    let from: string;
    beforeEach(async () => {
      from = freshAddress();
      await backdoor(from);
    });

    it('does not stop the signed-in office behind it: token, key and refresh cookie pass', async () => {
      const key = await createKey(owner, ['clients:read']);
      expect((await probe(from, { authorization: `Bearer ${owner.accessToken}` })).status).toBe(200);
      expect((await probe(from, { 'x-api-key': key.key })).status).toBe(200);
      const { cookie, http } = await registerOwner(app.http);
      const page = { 'sec-fetch-site': 'same-origin', cookie };
      const csrf = await http
        .with({ authorization: undefined })
        .get('/v1/auth/csrf', { from, headers: page });
      expect(csrf.status).toBe(200);
    });

    it('lets a known device sign in, and a forged one not', async () => {
      const email = `known-${randomBytes(6).toString('hex')}@example.com`;
      await registerOwner(app.http, { email });
      const credentials = { email, password: PASSWORD };
      const first = await app.http.post('/v1/auth/login', credentials, { from: freshAddress() });
      const cookie = cookieOf(first.headers['set-cookie'], 'latchkey_device');
      const again = await app.http.post('/v1/auth/login', credentials, { from, headers: { cookie } });
      expect(again.status).toBe(200);
      const forged = `${cookie.slice(0, -4)}AAAA`;
      const refused = await app.http.post('/v1/auth/login', credentials, {
        from,
        headers: { cookie: forged },
      });
      expect(refused.json.error.code).toBe('IP_BLOCKED');
      expect(await codeOf(from, { cookie })).toBe('IP_BLOCKED');
    });

    it.each([
      ['no credential', {}],
      ['a forged token', { authorization: 'Bearer eyJhbGciOiJIUzI1NiJ9.e30.x' }],
      ['two credentials', { authorization: 'Bearer x', 'x-api-key': 'y' }],
      ['a key that is none', { 'x-api-key': 'lk_live_nothing' }],
      ['a foreign cookie', { cookie: 'latchkey_refresh=abc; a=b' }],
      ['a cross-site header', { 'sec-fetch-site': 'cross-site' }],
      ['a forged forwarding header', { 'x-forwarded-for': '203.0.113.99' }],
    ])('stays out with %s, on every route', async (_name, headers) => {
      for (const path of ['/v1/clients', '/v1/auth/csrf', '/v1/nothing', '/docs', '/.env']) {
        const answer = await app.http.get(path, { from, headers: headers });
        expect([path, answer.status, answer.json?.error?.code]).toEqual([path, 403, 'IP_BLOCKED']);
      }
      const login = await app.http.post(
        '/v1/auth/login',
        { email: owner.email, password: PASSWORD },
        { from, headers },
      );
      expect(login.json.error.code).toBe('IP_BLOCKED');
    });

    it('is out on the other instance too, within a second', () =>
      inAQuietMoment(async () => {
        const stranger = freshAddress();
        await backdoor(stranger);
        await eventually(async () => {
          const answer = await other.http.get('/v1/clients', { from: stranger });
          expect(answer.json.error.code).toBe('IP_BLOCKED');
        }, SHARED_WITHIN_MS);
      }));

    it('may still be asked whether the process lives', async () => {
      expect((await app.http.get('/healthz', { from })).status).toBe(200);
    });
  });

  describe('scanner paths', () => {
    it('are 404, and the third within ten minutes blocks', async () => {
      const from = freshAddress();
      for (const path of ['/.env', '/.git/config', '/wp-login.php']) {
        expect(await codeOf(from)).toBe('UNAUTHENTICATED');
        expect((await app.http.get(path, { from })).status).toBe(404);
      }
      expect(await codeOf(from)).toBe('IP_BLOCKED');
    });

    it('do not add up over a longer time', async () => {
      const from = freshAddress();
      for (let round = 0; round < 5; round++) {
        moveClock(app, round * 6 * MINUTE_MS);
        await app.http.get('/.env', { from });
        expect(await codeOf(from)).toBe('UNAUTHENTICATED');
      }
    });

    it('count together on all instances', () =>
      inAQuietMoment(async () => {
        const from = freshAddress();
        await app.http.get('/.env', { from });
        await app.http.get('/.env', { from });
        await new Promise((resolve) => setTimeout(resolve, 200));
        expect((await other.http.get('/.env', { from })).status).toBe(404);
        expect((await other.http.get('/v1/clients', { from })).json.error.code).toBe('IP_BLOCKED');
      }));

    it('of an authenticated caller or another site never block', async () => {
      const from = freshAddress();
      for (let i = 0; i < 4; i++) {
        await app.http.get('/.env', { from, headers: { authorization: `Bearer ${owner.accessToken}` } });
        await app.http.get('/.env', { from, headers: { 'sec-fetch-site': 'cross-site' } });
      }
      expect(await codeOf(from)).toBe('UNAUTHENTICATED');
    });
  });

  it('the list of administrators is empty, recorded, and blocks nobody', async () => {
    const from = freshAddress();
    const answer = await app.http.get('/v1/admin/users', { from });
    expect(answer.status).toBe(200);
    expect(answer.text).toBe('{"success":true,"data":[]}');
    expect(await codeOf(from)).toBe('UNAUTHENTICATED');
    const [event] = await eventsOf(answer.headers['x-request-id']);
    expect(event).toMatchObject({ type: 'honeypot_triggered', details: { trap: 'admin_users' } });
  });

  it('the API document does not mention a honeypot', async () => {
    const document = await app.http.get('/openapi.json', { from: freshAddress() });
    expect(Object.keys(document.json.paths)).toContain('/v1/ip-blocks');
    expect(/v1.admin|backdoor/i.test(document.text)).toBe(false);
  });

  describe('platform admins', () => {
    let admin: Account;
    beforeAll(async () => {
      admin = await registerOwner(app.http);
      await app.database.sql('UPDATE users SET two_factor_enabled_at = now() WHERE id = $1', [admin.userId]);
      await setPlatformAdmin(app.database.ownerUrl, admin.email, 'grant');
      await comesTrue(async () => (await admin.http.get('/v1/ip-blocks')).status === 200);
    });

    it('see the blocks and lift one, at once and on every instance; lifting is forgiving', async () => {
      const from = freshAddress();
      await backdoor(from);
      const find = async () =>
        (await admin.http.get('/v1/ip-blocks?limit=100')).json.data.find(
          (block: any) => block.subject === from,
        );
      await comesTrue(async () => (await find()) !== undefined);
      const block = await find();
      expect(block).toMatchObject({ subject: from, reason: 'backdoor', offence: 1 });
      await comesTrue(
        async () => (await other.http.get('/v1/clients', { from })).json.error.code === 'IP_BLOCKED',
      );
      const released = await admin.http.delete(`/v1/ip-blocks/${block.id}`);
      expect(released.status).toBe(200);
      expect(await codeOf(from)).toBe('UNAUTHENTICATED');
      await comesTrue(
        async () => (await other.http.get('/v1/clients', { from })).json.error.code !== 'IP_BLOCKED',
      );
      expect(await find()).toBeUndefined();
      expect((await admin.http.delete(`/v1/ip-blocks/${block.id}`)).status).toBe(404);
      await backdoor(from);
      await comesTrue(async () => (await find())?.offence === 1);
    });

    it('need a fresh session to lift one', async () => {
      moveClock(app, 11 * MINUTE_MS);
      const answer = await admin.http.delete('/v1/ip-blocks/01890000-0000-7000-8000-000000000000');
      expect(answer.json.error.code).toBe('STEP_UP_REQUIRED');
    });

    it('are the only ones: an owner is refused', async () => {
      expect((await owner.http.get('/v1/ip-blocks')).status).toBe(403);
    });
  });

  it('blocks survive a restart', async () => {
    const from = freshAddress();
    await backdoor(from);
    await comesTrue(async () => (await blocksOf(from)) === 1);
    const third = await startTestApp({ database: app.database });
    try {
      expect((await third.http.get('/v1/clients', { from })).json.error.code).toBe('IP_BLOCKED');
    } finally {
      await third.close();
    }
  });
});

/** Other instances and the database follow within milliseconds. */
const comesTrue = (isTrue: () => Promise<boolean>): Promise<void> =>
  soon(async () => expect(await isTrue()).toBe(true));

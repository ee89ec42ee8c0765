import { type Account, createKey, registerOwner } from '../harness/accounts.js';
import { eventually } from '../harness/eventually.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

/** What clients write when they pretend to come from elsewhere. */
const FORGED = {
  'x-forwarded-for': '10.0.0.5',
  'x-real-ip': '10.0.0.5',
  forwarded: 'for=10.0.0.5;proto=https',
  'x-client-ip': '10.0.0.5',
  'cf-connecting-ip': '10.0.0.5',
  'true-client-ip': '10.0.0.5',
};

describe('addresses of API keys', () => {
  describe('without a trusted proxy', () => {
    let app: TestApp;
    let owner: Account;

    beforeAll(async () => {
      app = await startTestApp({ env: { ANONYMOUS_RATE_LIMIT: '4/900' } });
      owner = await registerOwner(app.http);
    });
    afterAll(() => app.close());

    it('a key works from its ranges only; elsewhere 403 IP_NOT_ALLOWED and an event of its team', async () => {
      const key = await createKey(owner, ['clients:read'], { allowedIps: ['127.50.0.0/16', '127.60.1.1'] });
      const statusFrom = async (from: string) => (await key.http.get('/v1/clients', { from })).status;
      expect([await statusFrom('127.50.200.9'), await statusFrom('127.60.1.1')]).toEqual([200, 200]);
      const refused = await key.http.get('/v1/clients', { from: '127.60.1.2' });
      expect([refused.status, refused.json.error.code]).toEqual([403, 'IP_NOT_ALLOWED']);
      expect(await statusFrom('127.51.0.1')).toBe(403);
      await eventually(async () => {
        expect(
          (await eventsOf(key.id, 'ip_not_allowed')).map(({ severity, ipAddress, details }) => [
            severity,
            ipAddress,
            details.mode,
          ]),
        ).toEqual([
          ['high', '127.51.0.1', 'enforce'],
          ['high', '127.60.1.2', 'enforce'],
        ]);
      });
    });

    it('a key that observes passes from anywhere and leaves a low event', async () => {
      const key = await createKey(owner, ['clients:read'], {
        allowedIps: ['127.50.0.0/16'],
        ipMode: 'observe',
      });
      expect((await key.http.get('/v1/clients', { from: '127.61.0.1' })).status).toBe(200);
      expect((await key.http.get('/v1/clients', { from: '127.50.0.1' })).status).toBe(200);
      await eventually(async () => {
        expect(await eventsOf(key.id, 'ip_not_allowed')).toMatchObject([
          { severity: 'low', ipAddress: '127.61.0.1', details: { mode: 'observe', observed: true } },
        ]);
      });
    });

    it('forged forwarding headers neither open nor close the list', async () => {
      const ten = await createKey(owner, ['clients:read'], { allowedIps: ['10.0.0.0/8'] });
      const own = await createKey(owner, ['clients:read'], { allowedIps: ['127.62.0.0/16'] });
      expect((await ten.http.get('/v1/clients', { headers: FORGED, from: '127.62.0.1' })).status).toBe(403);
      expect((await own.http.get('/v1/clients', { headers: FORGED, from: '127.62.0.2' })).status).toBe(200);
    });

    it('forged forwarding headers do not spread a flood of bad keys over many addresses', async () => {
      const statuses = [];
      for (let i = 0; i < 6; i++) {
        const headers = { ...FORGED, 'x-forwarded-for': `10.0.0.${i}`, 'x-api-key': 'lk_live_wrong' };
        statuses.push((await app.http.get('/v1/clients', { headers, from: '127.63.0.1' })).status);
      }
      expect(statuses).toEqual([401, 401, 401, 401, 429, 429]);
    });

    it('forged forwarding headers do not reach the audit log, nor the events', async () => {
      const key = await createKey(owner, ['clients:write'], { allowedIps: ['127.64.0.0/16'] });
      const made = await key.http.post(
        '/v1/clients',
        { firstName: 'Robin', lastName: 'Vale', email: 'robin.vale@example.com' },
        {
          headers: { ...FORGED, 'x-api-key': key.key, 'content-type': 'application/json' },
          from: '127.64.0.1',
        },
      );
      expect(made.status).toBe(201);
      const [row] = await app.database.sql('SELECT ip_address FROM audit_log WHERE resource_id = $1', [
        made.json.data.id,
      ]);
      expect(String(row.ip_address)).toContain('127.64.0.1');
      await key.http.get('/v1/clients', { headers: FORGED, from: '127.65.0.1' });
      await eventually(async () => {
        expect((await eventsOf(key.id, 'ip_not_allowed'))[0]?.ipAddress).toBe('127.65.0.1');
      });
    });

    it('each key has a limit of its own, which no header and no address widens', async () => {
      const narrow = await createKey(owner, ['clients:read'], { rateLimitPerMinute: 3 });
      const other = await createKey(owner, ['clients:read'], { rateLimitPerMinute: 3 });
      const answers = [];
      for (let i = 0; i < 5; i++) {
        const headers = { ...FORGED, 'x-forwarded-for': `10.0.0.${i}` };
        answers.push(await narrow.http.get('/v1/clients', { headers, from: `127.66.0.${i + 1}` }));
      }
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429, 429]);
      expect(answers[0].headers).toMatchObject({ 'ratelimit-limit': '3', 'ratelimit-remaining': '2' });
      expect(Number(answers[3].headers['retry-after'])).toBeGreaterThan(0);
      expect(answers[3].json.error.code).toBe('RATE_LIMIT');
      expect((await other.http.get('/v1/clients')).status).toBe(200);
      expect(
        (await createKey(owner, []).then((key) => key.http.get('/v1/scopes'))).headers['ratelimit-limit'],
      ).toBe('600');
    });

    interface EventSeen {
      severity: string;
      ipAddress: string;
      details: Record<string, unknown>;
    }

    async function eventsOf(apiKeyId: string, type: string): Promise<EventSeen[]> {
      const answer = await owner.http.get(`/v1/security-events?type=${type}`);
      return answer.json.data.filter((event: { apiKeyId: string }) => event.apiKeyId === apiKeyId);
    }
  });

  describe('behind trusted proxies', () => {
    let app: TestApp;
    let owner: Account;

    beforeAll(async () => {
      app = await startTestApp({ env: { TRUSTED_PROXIES: '127.7.0.0/16,2001:db8:ffff::/48' } });
      owner = await registerOwner(app.http);
    });
    afterAll(() => app.close());

    it('10.0.0.0/8 lets ::ffff:10.0.0.5 in, and 64:ff9b::a00:5 not', async () => {
      const key = await createKey(owner, ['clients:read'], { allowedIps: ['10.0.0.0/8'] });
      const statusOf = async (forwarded: string, from = '127.7.0.1') =>
        (await key.http.get('/v1/clients', { headers: { 'x-forwarded-for': forwarded }, from })).status;
      expect(await statusOf('10.0.0.5')).toBe(200);
      expect(await statusOf('::ffff:10.0.0.5')).toBe(200);
      expect(await statusOf('::FFFF:0a00:0005')).toBe(200);
      expect(await statusOf('64:ff9b::a00:5')).toBe(403);
      expect(await statusOf('11.0.0.5')).toBe(403);
      expect(await statusOf('010.0.0.5')).toBe(403);
    });

    it('the list is read from the right: what the client wrote itself counts for nothing', async () => {
      const key = await createKey(owner, ['clients:read'], { allowedIps: ['10.0.0.0/8'] });
      const statusOf = async (forwarded: string, from = '127.7.0.1') =>
        (await key.http.get('/v1/clients', { headers: { 'x-forwarded-for': forwarded }, from })).status;
      expect(await statusOf('10.0.0.5, 203.0.113.7')).toBe(403);
      expect(await statusOf('203.0.113.7, 10.0.0.5')).toBe(200);
      expect(await statusOf('203.0.113.7, 10.0.0.5, 127.7.0.9, 2001:db8:ffff::1')).toBe(200);
      expect(await statusOf('10.0.0.5, unknown')).toBe(403);
      // Not a proxy of ours: its header is anybody's.
      expect(await statusOf('10.0.0.5', '127.8.0.1')).toBe(403);
    });

    it('X-Real-IP and Forwarded change nothing even through a trusted proxy', async () => {
      const key = await createKey(owner, ['clients:read'], { allowedIps: ['10.0.0.0/8'] });
      const headers = {
        'x-real-ip': '10.0.0.5',
        forwarded: 'for=10.0.0.5',
        'x-forwarded-for': '203.0.113.7',
      };
      expect((await key.http.get('/v1/clients', { headers, from: '127.7.0.1' })).status).toBe(403);
    });
  });
});

import { freshAddress, registerOwner } from '../harness/accounts.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const FRIEND = 'https://app.example.com';
const PREFLIGHT = {
  'access-control-request-method': 'POST',
  'access-control-request-headers': 'authorization,content-type,x-csrf-token',
};
const corsHeaders = (headers: object): string[] =>
  Object.keys(headers).filter((name) => name.startsWith('access-control'));

describe('CORS', () => {
  let closed: TestApp;
  let open: TestApp;
  beforeAll(async () => {
    closed = await startTestApp();
    open = await startTestApp({
      env: { CORS_ORIGINS: `${FRIEND},https://admin.example.com`, ANONYMOUS_RATE_LIMIT: '10/900' },
      database: closed.database,
    });
  });
  afterAll(async () => {
    await open.close();
    await closed.close();
  });

  it('says nothing by default', async () => {
    const owner = await registerOwner(closed.http);
    const read = await owner.http.get('/v1/auth/me', { headers: { origin: FRIEND } });
    expect([read.status, corsHeaders(read.headers)]).toEqual([200, []]);
    const preflight = await closed.http.send('OPTIONS', '/v1/clients', {
      headers: { origin: FRIEND, ...PREFLIGHT },
    });
    expect([preflight.status, corsHeaders(preflight.headers)]).toEqual([404, []]);
  });

  it('lets exactly the named origins read, with credentials', async () => {
    const owner = await registerOwner(open.http);
    const { headers } = await owner.http.get('/v1/auth/me', { headers: { origin: FRIEND } });
    expect(headers).toMatchObject({
      'access-control-allow-origin': FRIEND,
      'access-control-allow-credentials': 'true',
      vary: expect.stringContaining('Origin'),
    });
    expect(headers['access-control-expose-headers']).toContain('RateLimit-Remaining');
    const strangers = [
      'https://evil.example',
      'http://app.example.com',
      `${FRIEND}.evil.example`,
      'https://APP.example.com:8443',
      'null',
      'https://xapp.example.com',
    ];
    for (const origin of strangers) {
      const answer = await owner.http.get('/v1/auth/me', { headers: { origin } });
      expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    }
  });

  it('answers preflights of named origins without counting them, and shows errors to them too', async () => {
    const from = freshAddress();
    for (let n = 0; n < 12; n++) {
      const { status, headers } = await open.http.send('OPTIONS', '/v1/clients', {
        headers: { origin: FRIEND, ...PREFLIGHT },
        from,
      });
      expect(status).toBe(204);
      expect(headers['access-control-allow-headers']).toContain('X-CSRF-Token');
      expect(headers['access-control-allow-methods']).toContain('PATCH');
    }
    const refused = await open.http.get('/v1/clients', { headers: { origin: FRIEND }, from });
    expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([401, FRIEND]);
    const stranger = await open.http.send('OPTIONS', '/v1/clients', {
      headers: { origin: 'https://evil.example', ...PREFLIGHT },
      from,
    });
    expect(stranger.headers['access-control-allow-origin']).toBeUndefined();
  });
});

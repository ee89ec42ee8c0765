import { type Account, freshAddress, registerOwner } from '../harness/accounts.js';
import { Browser } from '../harness/browser.js';
import type { Answer } from '../harness/http-client.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';
import { until } from '../harness/until.js';

const FRIEND = 'https://app.example.com';
const code = (answer: Answer): string => `${answer.status} ${answer.json.error?.code ?? 'ok'}`;

describe('CSRF protection of the cookie routes', () => {
  let app: TestApp;
  let owner: Account;
  beforeAll(async () => {
    app = await startTestApp({
      env: { CORS_ORIGINS: FRIEND, CSRF_BIND_IP: 'true', ANONYMOUS_RATE_LIMIT: '10000/900' },
    });
    owner = await registerOwner(app.http);
  });
  afterAll(() => app.close());

  const signIn = async (): Promise<Browser> => {
    const browser = new Browser(app.http, freshAddress());
    expect((await browser.login(owner.email)).status).toBe(200);
    return browser;
  };

  it('a reloaded page, which has the cookie alone, gets a token and refreshes', async () => {
    const browser = await signIn();
    browser.csrfToken = null;
    expect(code(await browser.refresh())).toBe('403 CSRF_INVALID');
    expect(code(await browser.send('GET', '/v1/auth/csrf'))).toBe('200 ok');
    expect(code(await browser.refresh())).toBe('200 ok');
  });

  it.each([
    ['of another site', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
    ['of another site, by its Origin alone', { origin: 'https://evil.example', 'sec-fetch-site': undefined }],
    ['of another site, by Sec-Fetch-Site alone', { 'sec-fetch-site': 'cross-site' }],
    ['of a sibling subdomain', { 'sec-fetch-site': 'same-site' }],
    ['of a sandboxed frame', { origin: 'null', 'sec-fetch-site': 'cross-site' }],
    ['that was typed or linked', { 'sec-fetch-site': 'none' }],
  ])('a request %s gets no token and changes nothing, even with cookie and token', async (_name, headers) => {
    const browser = await signIn();
    expect(code(await browser.send('GET', '/v1/auth/csrf', { headers }))).toBe('403 CSRF_INVALID');
    expect(code(await browser.refresh(headers))).toBe('403 CSRF_INVALID');
    for (const path of ['/v1/auth/logout', '/v1/auth/logout-all']) {
      const answer = await browser.send('POST', path, {
        headers: { 'x-csrf-token': browser.csrfToken!, ...headers },
      });
      expect(code(answer)).toBe('403 CSRF_INVALID');
    }
    const login = { body: { email: owner.email, password: 'x' }, headers };
    expect(code(await browser.send('POST', '/v1/auth/login', login))).toBe('403 CSRF_INVALID');
    expect(code(await browser.refresh())).toBe('200 ok');
  });

  it('a page of CORS_ORIGINS, our own page, and a client that is no browser may ask', async () => {
    const browser = await signIn();
    for (const headers of [
      { origin: FRIEND, 'sec-fetch-site': 'same-site' },
      { origin: `http://127.0.0.1:${app.port}`, host: `127.0.0.1:${app.port}` },
      { 'sec-fetch-site': undefined },
    ]) {
      expect(code(await browser.refresh(headers))).toBe('200 ok');
    }
  });

  it.each(['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data; boundary=x'])(
    'a form cannot send a body of %s',
    async (type) => {
      const answer = await app.http.send('POST', '/v1/auth/login', {
        raw: `{"email":"${owner.email}","password":"a plain but long passphrase"}`,
        headers: { 'content-type': type },
      });
      expect(answer.status).toBe(415);
    },
  );

  it('a token works once, for its session, and from its address', async () => {
    const browser = await signIn();
    const other = await signIn();
    const used = browser.csrfToken!;
    expect(code(await browser.refresh())).toBe('200 ok');
    expect(code(await browser.refresh({ 'x-csrf-token': used }))).toBe('403 CSRF_INVALID');
    expect(code(await browser.refresh({ 'x-csrf-token': other.csrfToken! }))).toBe('403 CSRF_INVALID');
    const elsewhere = new Browser(app.http, freshAddress());
    Object.assign(elsewhere, { cookies: browser.cookies, csrfToken: browser.csrfToken });
    expect(code(await elsewhere.refresh())).toBe('403 CSRF_INVALID');
    for (const bad of ['', 'x', 'a'.repeat(500), '0']) {
      expect(code(await browser.refresh({ 'x-csrf-token': bad }))).toBe('403 CSRF_INVALID');
    }
    expect(code(await browser.refresh())).toBe('200 ok');
  });

  it('32 tokens are open at once; the oldest goes first', async () => {
    const browser = await signIn();
    const first = browser.csrfToken!;
    const tokens: string[] = [];
    for (let n = 0; n < 32; n++)
      tokens.push((await browser.send('GET', '/v1/auth/csrf')).json.data.csrfToken);
    expect(code(await browser.refresh({ 'x-csrf-token': first }))).toBe('403 CSRF_INVALID');
    for (const token of [tokens[0], tokens[31], tokens[15]]) {
      expect(code(await browser.refresh({ 'x-csrf-token': token }))).toBe('200 ok');
    }
  });

  it('a failure is a security event of the team', async () => {
    const browser = await signIn();
    await browser.refresh({ 'x-csrf-token': 'wrong' });
    await until(() =>
      app.database.sql(`SELECT 1 FROM security_events WHERE type = 'csrf_failed' AND user_id = $1`, [
        owner.userId,
      ]),
    );
  });

  it('only /v1/auth routes look at the cookie', async () => {
    const browser = await signIn();
    for (const path of ['/v1/auth/me', '/v1/clients', '/v1/api-keys', '/v1/auth/sessions']) {
      expect(code(await browser.send('GET', path))).toBe('401 UNAUTHENTICATED');
    }
  });
});

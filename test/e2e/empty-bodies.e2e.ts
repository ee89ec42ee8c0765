import { type Account, freshAddress, registerOwner } from '../harness/accounts.js';
import { Browser } from '../harness/browser.js';
import { soon } from '../harness/eventually.js';
import type { Answer } from '../harness/http-client.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const JSON_TYPE = { 'content-type': 'application/json' };
const code = (answer: Answer): string => `${answer.status} ${answer.json.error?.code ?? 'ok'}`;

describe('Content-Type: application/json with nothing behind it', () => {
  let app: TestApp;
  let owner: Account;
  let browser: Browser;

  beforeAll(async () => {
    app = await startTestApp();
  });
  beforeEach(async () => {
    const from = freshAddress();
    owner = await registerOwner(app.http);
    browser = Browser.of(app.http, owner, from);
  });
  afterAll(() => app.close());

  const csrf = (): Record<string, string> => ({ ...JSON_TYPE, 'x-csrf-token': browser.csrfToken ?? '' });

  it.each(['0', undefined])(
    'is no body for refresh and for logout, with Content-Length %s',
    async (length) => {
      const framed = length === undefined ? { 'transfer-encoding': 'chunked' } : { 'content-length': length };
      expect(
        code(await browser.send('POST', '/v1/auth/refresh', { headers: { ...csrf(), ...framed } })),
      ).toBe('200 ok');
      expect((await browser.me()).status).toBe(200);
      expect(code(await browser.send('POST', '/v1/auth/logout', { headers: { ...csrf(), ...framed } }))).toBe(
        '200 ok',
      );
      await soon(async () => expect(code(await browser.me())).toBe('401 UNAUTHENTICATED'));
    },
  );

  it('is no body for logout-all, for ending a session and for restoring a record', async () => {
    const other = new Browser(app.http, freshAddress());
    await other.login(owner.email);
    const { json } = await owner.http.get('/v1/auth/sessions');
    const ended = json.data.find((session: any) => !session.current);
    const call = { headers: JSON_TYPE };
    expect(code(await owner.http.delete(`/v1/auth/sessions/${ended.id}`, call))).toBe('200 ok');
    const client = (await owner.http.post('/v1/clients', { firstName: 'Ada' })).json.data.id;
    expect(code(await owner.http.delete(`/v1/clients/${client}`, call))).toBe('200 ok');
    expect(code(await owner.http.post(`/v1/clients/${client}/restore`, undefined, call))).toBe('200 ok');
    expect(code(await owner.http.post('/v1/auth/logout-all', undefined, call))).toBe('200 ok');
  });

  it('is refused by name of the fields where a body is needed, and broken JSON stays broken', async () => {
    const bare = await owner.http.post('/v1/clients', undefined, { headers: JSON_TYPE });
    expect(code(bare)).toBe('400 VALIDATION_FAILED');
    for (const raw of [' ', '{"a":', '{"__proto__":{}}', 'nothing', '\u0000']) {
      expect([raw, code(await owner.http.send('POST', '/v1/clients', { raw }))]).toEqual([
        raw,
        '400 MALFORMED_JSON',
      ]);
      const refresh = await app.http.send('POST', '/v1/auth/refresh', { raw, headers: csrf() });
      expect([raw, code(refresh)]).toEqual([raw, '400 MALFORMED_JSON']);
    }
  });

  it('never ends in a 500, whatever of a refresh is missing', async () => {
    const cookie = browser.cookieHeader;
    for (const headers of [JSON_TYPE, { ...JSON_TYPE, cookie }, csrf(), { ...csrf(), cookie }]) {
      const answer = await app.http.post('/v1/auth/refresh', undefined, { headers, from: freshAddress() });
      expect(answer.status).toBeLessThan(404);
    }
    expect(app.logged()).not.toContain('UnrecordedMutation');
  });
});

import { type Account, freshAddress, registerOwner } from '../harness/accounts.js';
import { Browser } from '../harness/browser.js';
import type { Answer } from '../harness/http-client.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';
import { until } from '../harness/until.js';

const RACE_ROUNDS = 40;
const TABS = 20;

const code = (answer: Answer): string => `${answer.status} ${answer.json.error?.code ?? 'ok'}`;

const sessionOf = (browser: Browser): string => {
  const claims = JSON.parse(Buffer.from(browser.accessToken!.split('.')[1], 'base64url').toString());
  return claims.sid;
};

describe('sessions', () => {
  let app: TestApp;
  let owner: Account;

  beforeAll(async () => {
    // 40 rounds of 20 refreshes come from few addresses.
    app = await startTestApp({ env: { ANONYMOUS_RATE_LIMIT: '100000/900' } });
    owner = await registerOwner(app.http);
  });
  afterAll(() => app.close());

  const signIn = async (userAgent?: string): Promise<Browser> => {
    const browser = new Browser(app.http, freshAddress(), userAgent);
    expect((await browser.login(owner.email)).status).toBe(200);
    return browser;
  };
  const events = async (type: string, detail: string): Promise<any[]> =>
    app.database.sql(
      `SELECT * FROM security_events WHERE type = $1 AND details::text LIKE '%' || $2 || '%'`,
      [type, detail],
    );

  it(`answer ${TABS} parallel refreshes of one token with the same successor, ${RACE_ROUNDS} rounds`, async () => {
    const browser = await signIn();
    const sid = sessionOf(browser);
    for (let round = 0; round < RACE_ROUNDS; round++) {
      const { cookieHeader, csrfToken } = browser;
      const headers = { cookie: cookieHeader, 'x-csrf-token': csrfToken!, 'user-agent': browser.userAgent };
      const race = Array.from({ length: TABS }, () =>
        app.http.post('/v1/auth/refresh', undefined, { headers, from: browser.from }),
      );
      const answers = await Promise.all(race);
      expect(answers.map(code)).toEqual(Array(TABS).fill('200 ok'));
      const successors = new Set(answers.map((answer) => answer.headers['set-cookie']![0].split(';')[0]));
      expect(successors.size).toBe(1);
      expect(new Set(answers.map((answer) => answer.json.data.csrfToken)).size).toBe(TABS);
      browser.cookies.set('latchkey_refresh', [...successors][0].split('=')[1]);
      browser.csrfToken = answers[TABS - 1].json.data.csrfToken;
    }
    const [row] = await app.database.sql(
      'SELECT generation, revoked_at, cardinality(csrf_hashes) AS open FROM sessions WHERE id = $1',
      [sid],
    );
    expect(row).toMatchObject({ generation: RACE_ROUNDS + 1, revoked_at: null });
    expect(row.open).toBeLessThanOrEqual(32);
  });

  it('stay signed in while two tabs alternate for 100 rounds', async () => {
    const first = await signIn();
    const second = new Browser(app.http, first.from, first.userAgent);
    // Tabs of one browser: one cookie jar, two pages.
    Object.assign(second, { cookies: first.cookies });
    await second.send('GET', '/v1/auth/csrf');
    for (let round = 0; round < 100; round++) {
      const tab = round % 2 === 0 ? first : second;
      expect(code(await tab.refresh())).toBe('200 ok');
    }
    expect((await first.me()).status).toBe(200);
  });

  it('end, with all their tokens, when a spent token comes back after ten seconds; the person is mailed', async () => {
    const browser = await signIn();
    const sid = sessionOf(browser);
    const stolen = {
      cookie: browser.cookieHeader,
      'x-csrf-token': browser.csrfToken!,
      'user-agent': browser.userAgent,
    };
    await browser.refresh();
    await app.database.sql(
      `UPDATE sessions SET rotated_at = rotated_at - interval '10 seconds' WHERE id = $1`,
      [sid],
    );
    const replay = await app.http.post('/v1/auth/refresh', undefined, {
      headers: stolen,
      from: freshAddress(),
    });
    expect(code(replay)).toBe('401 TOKEN_REUSED');
    expect(replay.headers['set-cookie']).toBeUndefined();
    expect(code(await browser.me())).toBe('401 UNAUTHENTICATED');
    expect(code(await browser.refresh())).toBe('401 TOKEN_REUSED');
    const [event] = await until(() => events('token_reused', sid));
    expect(event).toMatchObject({ severity: 'critical', team_id: owner.teamId, user_id: owner.userId });
    await until(async () => (app.logged().includes('token-reused') ? [true] : []));
    expect(await events('token_reused', sid)).toHaveLength(1);
  });

  it.each([
    ['its grandchild is current', async (browser: Browser) => void (await browser.refresh()), {}],
    ['another device presents it', async () => undefined, { 'user-agent': 'curl/8.0' }],
    [
      'the thief has no CSRF token',
      async (browser: Browser) => void (await browser.refresh()),
      { 'x-csrf-token': undefined },
    ],
  ])('end when a spent token comes back within ten seconds but %s', async (_name, meanwhile, headers) => {
    const browser = await signIn();
    const spent = {
      cookie: browser.cookieHeader,
      'x-csrf-token': browser.csrfToken!,
      'user-agent': browser.userAgent,
    };
    await browser.refresh();
    await meanwhile(browser);
    const replay = await app.http.post('/v1/auth/refresh', undefined, { headers: { ...spent, ...headers } });
    expect(code(replay)).toBe('401 TOKEN_REUSED');
    expect(code(await browser.refresh())).toBe('401 TOKEN_REUSED');
  });

  it('are plain 401 after a logout, by access token or by cookie', async () => {
    const byToken = await signIn();
    const cookie = byToken.cookieHeader;
    expect(
      (
        await byToken.send('POST', '/v1/auth/logout', {
          headers: { authorization: `Bearer ${byToken.accessToken}` },
        })
      ).status,
    ).toBe(200);
    expect(byToken.cookies.has('latchkey_refresh')).toBe(false);
    expect(code(await byToken.refresh({ cookie }))).toBe('401 UNAUTHENTICATED');
    const byCookie = await signIn();
    const csrf = { 'x-csrf-token': byCookie.csrfToken! };
    expect(code(await byCookie.send('POST', '/v1/auth/logout'))).toBe('403 CSRF_INVALID');
    expect((await byCookie.send('POST', '/v1/auth/logout', { headers: csrf })).status).toBe(200);
    expect(code(await byCookie.me())).toBe('401 UNAUTHENTICATED');
  });

  it('end after 7 idle days and after 30 days in all', async () => {
    for (const column of ['idle_expires_at', 'expires_at']) {
      const browser = await signIn();
      const sid = sessionOf(browser);
      await app.database.sql(`UPDATE sessions SET ${column} = now() WHERE id = $1`, [sid]);
      expect(code(await browser.refresh())).toBe('401 TOKEN_EXPIRED');
    }
    const browser = await signIn();
    const life = `SELECT extract(epoch FROM expires_at - created_at) AS whole, extract(epoch FROM idle_expires_at - now()) AS idle FROM sessions WHERE id = $1`;
    const before = (await app.database.sql(life, [sessionOf(browser)]))[0];
    await browser.refresh();
    const [after] = await app.database.sql(life, [sessionOf(browser)]);
    expect(Number(after.whole)).toBe(Number(before.whole));
    expect(Number(after.whole)).toBe(30 * 86_400);
    expect(Number(after.idle)).toBeGreaterThan(7 * 86_400 - 60);
  });

  it('are listed with device, address, last use and the current one, and end one by one', async () => {
    const person = await registerOwner(app.http);
    const laptop = new Browser(
      app.http,
      freshAddress(),
      'Mozilla/5.0 (Windows NT 10.0; Win64) Firefox/132.0',
    );
    await laptop.login(person.email);
    const bearer = { authorization: `Bearer ${laptop.accessToken}` };
    const { json } = await laptop.send('GET', '/v1/auth/sessions', { headers: bearer });
    expect(json.data).toHaveLength(2);
    expect(json.data[0]).toMatchObject({
      device: 'Firefox on Windows',
      ipAddress: laptop.from,
      current: true,
    });
    expect(json.data[1]).toMatchObject({ current: false });
    expect(Date.parse(json.data[0].lastUsedAt)).toBeGreaterThan(Date.now() - 60_000);
    expect(JSON.stringify(json)).not.toMatch(/hash|token/i);
    const other = await registerOwner(app.http);
    expect((await other.http.delete(`/v1/auth/sessions/${json.data[1].id}`)).status).toBe(404);
    expect(
      (await laptop.send('DELETE', `/v1/auth/sessions/${json.data[1].id}`, { headers: bearer })).status,
    ).toBe(200);
    expect(
      (await laptop.send('DELETE', `/v1/auth/sessions/${json.data[1].id}`, { headers: bearer })).status,
    ).toBe(404);
    expect(code(await person.http.get('/v1/auth/me'))).toBe('401 UNAUTHENTICATED');
    expect((await laptop.me()).status).toBe(200);
  });

  it('all end with logout-all, in every team of the person', async () => {
    const person = await registerOwner(app.http);
    const elsewhere = await registerOwner(app.http);
    const here = new Browser(app.http, freshAddress());
    await here.login(person.email);
    await app.database.sql(`INSERT INTO memberships (team_id, user_id, role) VALUES ($1, $2, 'agent')`, [
      elsewhere.teamId,
      person.userId,
    ]);
    await app.database.sql(
      `INSERT INTO sessions (team_id, id, user_id, token_hash, device_hash, idle_expires_at, expires_at)
       VALUES ($1, gen_random_uuid(), $2, '\\x00', '\\x00', now() + interval '1 day', now() + interval '1 day')`,
      [elsewhere.teamId, person.userId],
    );
    expect(
      (await here.send('POST', '/v1/auth/logout-all', { headers: { 'x-csrf-token': here.csrfToken! } }))
        .status,
    ).toBe(200);
    const live = await app.database.sql('SELECT id FROM sessions WHERE user_id = $1 AND revoked_at IS NULL', [
      person.userId,
    ]);
    expect(live).toEqual([]);
    expect(code(await person.http.get('/v1/auth/me'))).toBe('401 UNAUTHENTICATED');
    expect((await elsewhere.http.get('/v1/auth/me')).status).toBe(200);
  });

  it('keep the refresh token out of the database and out of bodies', async () => {
    const browser = await signIn();
    const token = browser.cookies.get('latchkey_refresh')!;
    const answer = await browser.refresh();
    expect(answer.text).not.toContain(browser.cookies.get('latchkey_refresh'));
    const [cookie] = answer.headers['set-cookie']!;
    expect(cookie).toMatch(/^latchkey_refresh=.*; Max-Age=604800; Path=\/; HttpOnly; SameSite=Strict$/);
    const dump = JSON.stringify(
      await app.database.sql(`SELECT s::text FROM sessions s WHERE id = $1`, [sessionOf(browser)]),
    );
    expect(dump).not.toContain(token);
    expect(dump).not.toContain(Buffer.from(token).toString('hex'));
  });

  it('refuse forged and damaged refresh tokens as plain 401', async () => {
    const browser = await signIn();
    const token = browser.cookies.get('latchkey_refresh')!;
    const raw = Buffer.from(token, 'base64url');
    raw[40] ^= 1;
    for (const value of [
      raw.toString('base64url'),
      token.slice(0, -1),
      `${token}A`,
      'x',
      '%00',
      'a'.repeat(4000),
    ]) {
      expect(code(await browser.refresh({ cookie: `latchkey_refresh=${value}` }))).toBe(
        '401 UNAUTHENTICATED',
      );
    }
    expect((await browser.me()).status).toBe(200);
  });
});

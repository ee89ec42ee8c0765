import { randomBytes } from 'node:crypto';
import { SessionPurge } from '../../src/identity/sessions/session-purge.service.js';
import { Database } from '../../src/platform/database/database.js';
import { type Account, freshAddress, PASSWORD, registerOwner } from '../harness/accounts.js';
import { Browser } from '../harness/browser.js';
import type { Answer } from '../harness/http-client.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';
import { until } from '../harness/until.js';

const HOUR_SECONDS = 3600;
const code = (answer: Answer): string => `${answer.status} ${answer.json.error?.code ?? 'ok'}`;

const sessionOf = (account: { accessToken: string | null }): string =>
  JSON.parse(Buffer.from(account.accessToken!.split('.')[1], 'base64url').toString()).sid;

const maxAge = (answer: Answer): number =>
  Number(/^latchkey_refresh=.*; Max-Age=(\d+);/.exec(answer.headers['set-cookie']?.[0] ?? '')?.[1]);

describe('the life of sessions', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await startTestApp();
  });
  afterAll(() => app.close());

  const events = (type: string, userId: string): Promise<any[]> =>
    app.database.sql('SELECT * FROM security_events WHERE type = $1 AND user_id = $2', [type, userId]);

  it('bounds the cookie: it never outlives the absolute end, for the first tab and for racing ones', async () => {
    const from = freshAddress();
    const browser = Browser.of(app.http, await registerOwner(app.http), from);
    await app.database.sql(`UPDATE sessions SET expires_at = now() + interval '1 hour' WHERE id = $1`, [
      sessionOf(browser),
    ]);
    const headers = { cookie: browser.cookieHeader, 'x-csrf-token': browser.csrfToken! };
    const race = [1, 2].map(() => app.http.post('/v1/auth/refresh', undefined, { headers, from }));
    for (const answer of await Promise.all(race)) {
      expect(code(answer)).toBe('200 ok');
      expect(maxAge(answer)).toBeLessThanOrEqual(HOUR_SECONDS);
      expect(maxAge(answer)).toBeGreaterThan(HOUR_SECONDS - 60);
      expect(Object.keys(answer.json.data).sort()).toEqual(['accessToken', 'csrfToken', 'expiresIn']);
    }
  });

  it('forgets sessions 30 days after their end, by revocation or by time, and no other', async () => {
    const people: Record<string, Account> = {};
    const cases = {
      'revoked long ago': `revoked_at = now() - interval '31 days'`,
      'idle long ago': `idle_expires_at = now() - interval '31 days'`,
      'over long ago': `expires_at = now() - interval '31 days'`,
      'over before it was revoked': `idle_expires_at = now() - interval '31 days', revoked_at = now()`,
      'revoked lately': `revoked_at = now() - interval '29 days'`,
      'idle lately': `idle_expires_at = now() - interval '29 days'`,
      live: 'last_used_at = now()',
    };
    for (const [name, change] of Object.entries(cases)) {
      people[name] = await registerOwner(app.http);
      await app.database.sql(`UPDATE sessions SET ${change} WHERE id = $1`, [sessionOf(people[name])]);
    }
    await app.app.get(SessionPurge, { strict: false }).run();
    const left = new Set((await app.database.sql('SELECT id FROM sessions')).map(({ id }) => id));
    const kept = Object.keys(cases).filter((name) => left.has(sessionOf(people[name])));
    expect(kept).toEqual(['revoked lately', 'idle lately', 'live']);
    expect((await people.live.http.get('/v1/auth/me')).status).toBe(200);
  });

  it('lets the application delete no session by itself', async () => {
    const remove = { name: null, text: 'DELETE FROM sessions', values: [] };
    await expect(app.app.get(Database, { strict: false }).run([remove])).rejects.toThrow('permission denied');
  });

  it('records a sign-in', async () => {
    const { email, userId, teamId } = await registerOwner(app.http);
    const from = freshAddress();
    await new Browser(app.http, from).login(email);
    const [event] = await until(() => events('login_succeeded', userId));
    expect(event).toMatchObject({ severity: 'low', team_id: teamId, ip_address: from });
    expect(JSON.stringify(event)).not.toContain(PASSWORD);
  });

  it('tells when a person is active from two networks, and when a network is new for them', async () => {
    const { email, userId, teamId } = await registerOwner(app.http);
    const signIn = (from: string): Promise<Answer> => new Browser(app.http, from).login(email);
    const [{ ip_address: home }] = await app.database.sql(
      'SELECT host(ip_address) AS ip_address FROM sessions WHERE user_id = $1',
      [userId],
    );
    await signIn(home);
    await until(() => events('login_succeeded', userId));
    await signIn('127.99.7.1');
    const [concurrent] = await until(() => events('concurrent_sessions', userId));
    expect(concurrent).toMatchObject({ severity: 'medium', team_id: teamId, ip_address: '127.99.7.1' });
    expect(concurrent.details).toMatchObject({ networks: 2, other: `${home.replace(/\d+$/, '0')}` });
    const [unusual] = await until(() => events('unusual_ip', userId));
    expect(unusual).toMatchObject({ severity: 'medium', ip_address: '127.99.7.1' });
    expect(unusual.details).toMatchObject({ network: '127.99.7.0' });
    await signIn('127.99.7.2');
    await until(async () => ((await events('concurrent_sessions', userId)).length > 1 ? [true] : []));
    expect(await events('unusual_ip', userId)).toHaveLength(1);
    expect(await events('concurrent_sessions', userId)).toHaveLength(2);
  });
});

describe('two registrations of one e-mail address at the same time', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await startTestApp();
  });
  afterAll(() => app.close());

  it('make one account; the other is 409 DUPLICATE and a failure of its address', async () => {
    const from = freshAddress();
    const email = `twin-${randomBytes(6).toString('hex')}@example.com`;
    const body = { email, password: PASSWORD, name: 'Twin', teamName: 'Harbor Realty' };
    const both = [1, 2].map(() => app.http.post('/v1/auth/register', body, { from }));
    expect((await Promise.all(both)).map(code).sort()).toEqual(['201 ok', '409 DUPLICATE']);
    expect(await app.database.sql('SELECT id FROM users WHERE email = $1', [email])).toHaveLength(1);
    const failures = (): Promise<any[]> =>
      app.database.sql('SELECT bucket FROM attempt_counters WHERE cardinality(failed_at) = 1');
    expect(await until(failures)).toHaveLength(1);
  });
});

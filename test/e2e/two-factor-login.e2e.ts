import { type Account, freshAddress, PASSWORD, registerOwner } from '../harness/accounts.js';
import { type Authenticator, enableTwoFactor } from '../harness/authenticator.js';
import { moveClock } from '../harness/clock.js';
import type { Answer } from '../harness/http-client.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

describe('signing in with a second factor', () => {
  let app: TestApp;
  let owner: Account;
  let phone: Authenticator;

  beforeAll(async () => {
    app = await startTestApp();
  });
  beforeEach(async () => {
    moveClock(app, 0);
    owner = await registerOwner(app.http);
    phone = await enableTwoFactor(app, owner.http);
  });
  afterAll(() => app.close());

  const login = (fields: object = {}, from = freshAddress()): Promise<Answer> =>
    app.http.post('/v1/auth/login', { email: owner.email, password: PASSWORD, ...fields }, { from });
  const challenge = async (): Promise<string> => (await login()).json.data.challengeToken;
  /** One after the other: on a busy machine twenty hashes at once take longer than a sign-in waits. */
  const challenges = async (count: number): Promise<string[]> => {
    const tokens: string[] = [];
    for (let n = 0; n < count; n++) tokens.push(await challenge());
    return tokens;
  };
  const complete = (challengeToken: string, code: string, from = freshAddress()): Promise<Answer> =>
    app.http.post('/v1/auth/login/2fa', { challengeToken, code }, { from });

  it('the password alone gives a challenge: no cookie, no token, no session', async () => {
    const sessions = () =>
      app.database.sql('SELECT count(*)::int AS n FROM sessions WHERE user_id = $1', [owner.userId]);
    const [before] = await sessions();
    const answer = await login();
    expect(answer.status).toBe(200);
    expect(answer.json.data).toEqual({ twoFactorRequired: true, challengeToken: expect.any(String) });
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(await sessions()).toEqual([before]);
    const bearer = { authorization: `Bearer ${answer.json.data.challengeToken}` };
    expect((await app.http.get('/v1/auth/me', { headers: bearer })).status).toBe(401);
  });

  it('a code completes it as a sign-in without a second factor would', async () => {
    const answer = await complete(await challenge(), phone.next());
    expect(answer.status).toBe(200);
    expect(answer.json.data).toMatchObject({
      user: { id: owner.userId, email: owner.email },
      team: { id: owner.teamId },
      expiresIn: 900,
      csrfToken: expect.any(String),
    });
    expect(answer.headers['set-cookie']?.join('\n')).toMatch(/^latchkey_refresh=/m);
    const session = app.http.with({ authorization: `Bearer ${answer.json.data.accessToken}` });
    expect((await session.get('/v1/auth/me')).json.data.twoFactor.enabled).toBe(true);
    expect((await session.post('/v1/api-keys', { name: 'Fresh', scopes: [] })).status).toBe(201);
  });

  it('a backup code completes it once', async () => {
    const [code] = phone.backupCodes;
    expect((await complete(await challenge(), code)).status).toBe(200);
    expect(outcome(await complete(await challenge(), code))).toBe('401 INVALID_CODE');
  });

  it('a wrong password tells nothing of the second factor', async () => {
    const wrong = await login({ password: 'a plain but wrong passphrase' });
    expect(outcome(wrong)).toBe('401 INVALID_CREDENTIALS');
  });

  it.each(['code', 'backup code'])('of 20 parallel sign-ins with one %s one succeeds', async (kind) => {
    const tokens = await challenges(20);
    const code = kind === 'code' ? phone.next() : phone.backupCodes[0];
    const answers = await Promise.all(tokens.map((one) => complete(one, code)));
    expect(answers.filter((answer) => answer.status === 200)).toHaveLength(1);
    const refused = new Set(answers.map(outcome));
    refused.delete('200');
    for (const one of refused) expect(['401 INVALID_CODE', '423 ACCOUNT_LOCKED']).toContain(one);
  });

  it('a code used to sign in opens nothing else, and one used elsewhere signs nobody in', async () => {
    const code = phone.next();
    expect((await complete(await challenge(), code)).status).toBe(200);
    expect(outcome(await owner.http.post('/v1/auth/step-up', { code }))).toBe('401 INVALID_CODE');
    const other = phone.next();
    expect((await owner.http.post('/v1/auth/step-up', { code: other })).status).toBe(200);
    expect(outcome(await complete(await challenge(), other))).toBe('401 INVALID_CODE');
  });

  it('a challenge opens one session', async () => {
    const token = await challenge();
    expect((await complete(token, phone.next())).status).toBe(200);
    expect(outcome(await complete(token, phone.next()))).toBe('401 UNAUTHENTICATED');
  });

  it('of parallel right codes on one challenge one opens a session', async () => {
    const token = await challenge();
    const codes = [phone.code(1), ...phone.backupCodes.slice(0, 3)];
    phone.wait(30_000);
    const answers = await Promise.all(codes.map((code) => complete(token, code)));
    expect(answers.filter((answer) => answer.status === 200)).toHaveLength(1);
  });

  it('a challenge takes five tries; the right code comes too late as the sixth', async () => {
    const token = await challenge();
    for (let round = 0; round < 5; round++) {
      expect(outcome(await complete(token, phone.wrong()))).toBe('401 INVALID_CODE');
    }
    await app.database.sql('DELETE FROM attempt_counters');
    expect(outcome(await complete(token, phone.next()))).toBe('401 UNAUTHENTICATED');
    expect((await complete(await challenge(), phone.next())).status).toBe(200);
  });

  it('five wrong codes lock codes on every challenge and endpoint, and not the password', async () => {
    for (let round = 0; round < 5; round++) {
      expect(outcome(await complete(await challenge(), phone.wrong()))).toBe('401 INVALID_CODE');
    }
    const locked = await complete(await challenge(), phone.next());
    expect(outcome(locked)).toBe('423 ACCOUNT_LOCKED');
    expect(locked.json.error.details[0].field).toBe('lockedUntil');
    expect(Number(locked.headers['retry-after'])).toBeGreaterThan(1700);
    expect(outcome(await owner.http.post('/v1/auth/step-up', { code: phone.next() }))).toBe(
      '423 ACCOUNT_LOCKED',
    );
    expect((await login()).status).toBe(200);
  });

  it('of 50 parallel guesses at most five are looked at', async () => {
    const token = await challenge();
    const others = await challenges(9);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => complete([token, ...others][index % 10], phone.wrong())),
    );
    const looked = answers.filter((answer) => answer.json.error.code === 'INVALID_CODE');
    expect(looked.length).toBeLessThanOrEqual(5);
  });

  it('a browser that signed in before keeps its own tries while strangers lock the codes', async () => {
    const first = await complete(await challenge(), phone.next());
    const cookie = (first.headers['set-cookie'] ?? [])
      .map((header) => header.split(';', 1)[0])
      .find((pair) => pair.startsWith('latchkey_device='));
    const known = { from: freshAddress(), headers: { cookie } };
    const tokens = await challenges(7);
    for (const token of tokens.slice(0, 5)) await complete(token, phone.wrong());
    expect(outcome(await complete(tokens[5], phone.next()))).toBe('423 ACCOUNT_LOCKED');
    const body = { challengeToken: tokens[6], code: phone.next() };
    expect((await app.http.post('/v1/auth/login/2fa', body, known)).status).toBe(200);
  });

  it('success resets the count of wrong codes', async () => {
    for (let round = 0; round < 2; round++) {
      for (let wrong = 0; wrong < 4; wrong++) await complete(await challenge(), phone.wrong());
      expect((await complete(await challenge(), phone.next())).status).toBe(200);
    }
  });

  it('a locked account is locked at the second step too', async () => {
    const token = await challenge();
    for (let round = 0; round < 5; round++) await login({ password: 'a plain but wrong passphrase' });
    expect(outcome(await complete(token, phone.next()))).toBe('423 ACCOUNT_LOCKED');
  });

  it('six wrong codes from one address over six accounts are 429', async () => {
    const from = freshAddress();
    for (let round = 0; round < 5; round++) {
      const other = await registerOwner(app.http);
      const theirs = await enableTwoFactor(app, other.http);
      const { challengeToken } = (await login({ email: other.email })).json.data;
      expect(outcome(await complete(challengeToken, theirs.wrong(), from))).toBe('401 INVALID_CODE');
    }
    const limited = await complete(await challenge(), phone.next(), from);
    expect(outcome(limited)).toBe('429 AUTH_RATE_LIMIT');
    expect(limited.headers['retry-after']).toMatch(/^\d+$/);
  });

  it('a challenge that is expired, forged or bound to somebody else opens nothing', async () => {
    const token = await challenge();
    const stranger = await registerOwner(app.http);
    const theirPhone = await enableTwoFactor(app, stranger.http);
    const theirs = (await login({ email: stranger.email })).json.data.challengeToken;
    const raw = Buffer.from(token, 'base64url');
    const foreign = Buffer.concat([Buffer.from(theirs, 'base64url').subarray(0, 16), raw.subarray(16)]);
    const flipped = Buffer.from(raw);
    flipped[flipped.length - 1] ^= 1;
    for (const forged of [foreign.toString('base64url'), flipped.toString('base64url'), `${token}=`, 'x']) {
      expect(outcome(await complete(forged, theirPhone.code(1)))).toBe('401 UNAUTHENTICATED');
    }
    expect(outcome(await complete(theirs, phone.next()))).toBe('401 INVALID_CODE');
    await app.database.sql(
      `UPDATE login_challenges SET expires_at = now() - interval '1 ms' WHERE user_id = $1`,
      [owner.userId],
    );
    expect(outcome(await complete(token, phone.next()))).toBe('401 UNAUTHENTICATED');
  });

  it('lives five minutes and is stored as a hash', async () => {
    const token = await challenge();
    const [row] = await app.database.sql(
      `SELECT extract(epoch FROM expires_at - created_at)::int AS seconds, encode(token_hash, 'base64') AS hash
       FROM login_challenges WHERE user_id = $1`,
      [owner.userId],
    );
    expect(row.seconds).toBe(300);
    expect(Buffer.from(token, 'base64url').includes(Buffer.from(row.hash, 'base64'))).toBe(false);
  });

  it('a challenge ends when the password changes or the account is disabled', async () => {
    const token = await challenge();
    await app.database.sql(
      `UPDATE users SET password_changed_at = now() + interval '1 second' WHERE id = $1`,
      [owner.userId],
    );
    expect(outcome(await complete(token, phone.next()))).toBe('401 UNAUTHENTICATED');
    await app.database.sql(`UPDATE users SET password_changed_at = now() - interval '1 hour' WHERE id = $1`, [
      owner.userId,
    ]);
    const another = await challenge();
    await app.database.sql('UPDATE users SET disabled_at = now() WHERE id = $1', [owner.userId]);
    expect(outcome(await complete(another, phone.next()))).toBe('401 UNAUTHENTICATED');
  });

  it('bodies of another shape are 400', async () => {
    const token = await challenge();
    for (const body of [
      {},
      { challengeToken: token },
      { challengeToken: token, code: 123456 },
      { challengeToken: [token], code: '123456' },
      { challengeToken: token, code: '123456', userId: owner.userId },
      { challengeToken: token, code: '1'.repeat(65) },
    ]) {
      expect((await app.http.post('/v1/auth/login/2fa', body, { from: freshAddress() })).status).toBe(400);
    }
  });

  it('leaves an audit row for the session and no code in the log', async () => {
    const code = phone.next();
    const token = await challenge();
    const { accessToken } = (await complete(token, code)).json.data;
    const { sid } = JSON.parse(Buffer.from(accessToken.split('.')[1], 'base64url').toString());
    const rows = await app.database.sql(
      `SELECT user_id FROM audit_log WHERE resource_type = 'session' AND resource_id = $1 AND action = 'CREATE'`,
      [sid],
    );
    expect(rows).toEqual([{ user_id: owner.userId }]);
    expect(app.logged()).not.toContain(token);
  });
});

function outcome(answer: Answer): string {
  return `${answer.status} ${answer.json.error?.code ?? ''}`.trim();
}

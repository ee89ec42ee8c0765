import { randomBytes } from 'node:crypto';
import { freshAddress, PASSWORD, registerOwner } from '../harness/accounts.js';
import { Browser } from '../harness/browser.js';
import type { Answer } from '../harness/http-client.js';
import { inAQuietMoment } from '../harness/quiet-moment.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';
import { until } from '../harness/until.js';

const WRONG = 'certainly not the passphrase';

const unknownEmail = (): string => `nobody-${randomBytes(6).toString('hex')}@example.com`;
const codes = (answers: Answer[]): string[] =>
  answers.map((answer) => `${answer.status} ${answer.json.error?.code ?? 'ok'}`);
const inTurn = async (count: number, attempt: (n: number) => Promise<Answer>): Promise<Answer[]> => {
  const answers: Answer[] = [];
  for (let n = 0; n < count; n++) answers.push(await attempt(n));
  return answers;
};

const shape = ({ status, headers, json }: Answer): string => {
  delete json.error.requestId;
  return JSON.stringify([status, Object.keys(headers).sort(), headers['set-cookie'] ?? null, json]);
};

describe('lockout', () => {
  let one: TestApp;
  let two: TestApp;

  beforeAll(async () => {
    one = await startTestApp();
    two = await startTestApp({ database: one.database });
  });
  afterAll(async () => {
    await two.close();
    await one.close();
  });

  const login = (email: string, password = WRONG, from = freshAddress(), app = one): Promise<Answer> =>
    app.http.post('/v1/auth/login', { email, password }, { from });

  const lock = (email: string): Promise<Answer[]> => inTurn(5, () => login(email));
  const signedIn = async (email: string): Promise<Browser> => {
    const browser = new Browser(one.http, freshAddress());
    expect((await browser.login(email)).status).toBe(200);
    return browser;
  };

  it.each([
    ['a known account', async () => (await registerOwner(one.http)).email],
    ['an e-mail address that nobody has', async () => unknownEmail()],
  ])('locks %s after five failures, from every address, with the time left', async (_name, emailOf) => {
    const email = await emailOf();
    const answers = await inTurn(6, () => login(email));
    expect(codes(answers)).toEqual([...Array(5).fill('401 INVALID_CREDENTIALS'), '423 ACCOUNT_LOCKED']);
    const locked = answers[5];
    expect(Number(locked.headers['retry-after'])).toBeGreaterThan(1700);
    expect(Number(locked.headers['retry-after'])).toBeLessThanOrEqual(1800);
    const [detail] = locked.json.error.details;
    expect(detail.field).toBe('lockedUntil');
    expect(Math.abs(Date.parse(detail.message) - Date.now() - 1_800_000)).toBeLessThan(100_000);
    expect(codes([await login(email, PASSWORD, undefined, two)])).toEqual(['423 ACCOUNT_LOCKED']);
  });

  it('evaluates at most five of 50 parallel guesses on two instances', async () => {
    const { email } = await registerOwner(one.http);
    const guesses = Array.from({ length: 50 }, (_, n) => login(email, WRONG, undefined, n % 2 ? one : two));
    const answers = codes(await Promise.all(guesses));
    expect(answers.filter((answer) => answer === '401 INVALID_CREDENTIALS')).toHaveLength(5);
    // 503: whoever has waited for eight seconds for the tries before to end, on a busy machine.
    expect(answers.filter((answer) => /^(423 ACCOUNT_LOCKED|503 UNAVAILABLE)$/.test(answer))).toHaveLength(
      45,
    );
    expect(codes([await login(email, PASSWORD, undefined, two)])).toEqual(['423 ACCOUNT_LOCKED']);
  });

  it('lets 20 parallel logins with the right password in', () =>
    inAQuietMoment(async () => {
      const { email } = await registerOwner(one.http);
      const from = freshAddress();
      const logins = Array.from({ length: 20 }, (_, n) => login(email, PASSWORD, from, n % 2 ? one : two));
      expect(new Set(codes(await Promise.all(logins)))).toEqual(new Set(['200 ok']));
    }));

  it('starts counting anew after a success', async () => {
    const { email } = await registerOwner(one.http);
    await inTurn(4, () => login(email));
    expect((await login(email, PASSWORD)).status).toBe(200);
    expect(codes(await inTurn(5, () => login(email)))).toEqual(Array(5).fill('401 INVALID_CREDENTIALS'));
  });

  it('unlocks half an hour after the fifth failure', async () => {
    const { email } = await registerOwner(one.http);
    await inTurn(6, () => login(email));
    await one.database.sql(
      `UPDATE attempt_counters SET failed_at = ARRAY(SELECT f - interval '1801 seconds' FROM unnest(failed_at) f)`,
    );
    expect((await login(email, PASSWORD)).status).toBe(200);
  });

  it('refuses the sixth failure of one address over six accounts, also the right password', async () => {
    const from = freshAddress();
    const owner = await registerOwner(one.http);
    const failures = await inTurn(5, () => login(unknownEmail(), WRONG, from));
    expect(codes(failures)).toEqual(Array(5).fill('401 INVALID_CREDENTIALS'));
    const sixth = await login(owner.email, PASSWORD, from, two);
    expect(codes([sixth])).toEqual(['429 AUTH_RATE_LIMIT']);
    expect(Number(sixth.headers['retry-after'])).toBeGreaterThan(800);
    expect((await login(owner.email, PASSWORD)).status).toBe(200);
  });

  it('looks at the lock of the account before the limit of the address', async () => {
    const from = freshAddress();
    const email = unknownEmail();
    await inTurn(5, () => login(email, WRONG, from));
    expect(codes([await login(email, WRONG, from)])).toEqual(['423 ACCOUNT_LOCKED']);
    expect(codes([await login(unknownEmail(), WRONG, from)])).toEqual(['429 AUTH_RATE_LIMIT']);
  });

  it('counts spellings of one address as one account', async () => {
    const { email } = await registerOwner(one.http);
    const spellings = [
      email.toUpperCase(),
      email,
      email.replace('owner', 'Owner'),
      email.replace('example', 'EXAMPLE'),
      email,
    ];
    for (const spelling of spellings) await login(spelling);
    expect(codes([await login(email, PASSWORD)])).toEqual(['423 ACCOUNT_LOCKED']);
  });

  it('keeps no e-mail address in its counters, and counts a try that was never settled', async () => {
    const { email } = await registerOwner(one.http);
    await inTurn(4, () => login(email));
    const dump = JSON.stringify(
      await one.database.sql("SELECT bucket, encode(subject, 'escape') AS subject FROM attempt_counters"),
    );
    expect(dump).not.toContain('example.com');
    await one.database
      .sql(`UPDATE attempt_counters SET pending = array_append(pending, gen_random_uuid()), pending_until = now()
      WHERE bucket = 'account' AND cardinality(failed_at) = 4`);
    expect(codes([await login(email, PASSWORD)])).toEqual(['423 ACCOUNT_LOCKED']);
  });

  it('answers unknown, known and disabled accounts alike', async () => {
    const known = await registerOwner(one.http);
    const disabled = await registerOwner(one.http);
    await one.database.sql('UPDATE users SET disabled_at = now() WHERE id = $1', [disabled.userId]);
    const expected = shape(await login(unknownEmail()));
    expect(shape(await login(known.email))).toBe(expected);
    expect(shape(await login(disabled.email))).toBe(expected);
    expect(shape(await login(disabled.email, PASSWORD))).toBe(expected);
  });

  describe('of an account with a known device', () => {
    it('lets the browser in that signed in before, past the lock and past the limit of its address', async () => {
      const { email } = await registerOwner(one.http);
      const browser = await signedIn(email);
      await lock(email);
      await inTurn(5, () => login(unknownEmail(), WRONG, browser.from));
      expect(codes([await login(email, PASSWORD, browser.from)])).toEqual(['423 ACCOUNT_LOCKED']);
      expect(codes([await browser.login(email)])).toEqual(['200 ok']);
      // Success resets the account for everybody.
      expect(codes([await login(email, PASSWORD)])).toEqual(['200 ok']);
    });

    it('gives that browser five tries of its own', async () => {
      const { email } = await registerOwner(one.http);
      const browser = await signedIn(email);
      const guesses = await inTurn(6, () => browser.login(email, WRONG));
      expect(codes(guesses)).toEqual([...Array(5).fill('401 INVALID_CREDENTIALS'), '423 ACCOUNT_LOCKED']);
      expect(codes([await login(email, PASSWORD)])).toEqual(['200 ok']);
    });

    it('lets nobody in with the device of another user, a forged one, or one that was forgotten', async () => {
      const victim = await registerOwner(one.http);
      const stranger = await signedIn((await registerOwner(one.http)).email);
      const own = await signedIn(victim.email);
      const device = own.cookies.get('latchkey_device')!;
      await lock(victim.email);
      const [id, secret] = device.split('.');
      const strangersSecret = stranger.cookies.get('latchkey_device')!.split('.')[1];
      for (const value of [`${id}.${strangersSecret}`, `${id}.${'A'.repeat(32)}`, secret, `${id}.`, '~~~~']) {
        stranger.cookies.set('latchkey_device', value);
        expect(codes([await stranger.login(victim.email)])).toEqual(['423 ACCOUNT_LOCKED']);
      }
      await one.database.sql('DELETE FROM known_devices WHERE user_id = $1', [victim.userId]);
      expect(codes([await own.login(victim.email)])).toEqual(['423 ACCOUNT_LOCKED']);
      const kept = JSON.stringify(await one.database.sql('SELECT d::text FROM known_devices d'));
      expect(kept).not.toContain(strangersSecret);
    });

    it('remembers everyone who signed in with one browser', async () => {
      const [first, second] = [await registerOwner(one.http), await registerOwner(one.http)];
      const browser = await signedIn(first.email);
      await browser.login(second.email);
      await lock(first.email);
      expect(codes([await browser.login(first.email)])).toEqual(['200 ok']);
      expect((await browser.login(first.email)).headers['set-cookie']!.join()).toMatch(
        /latchkey_device=[^;]+; Max-Age=15552000; Path=\/; HttpOnly; SameSite=Strict/,
      );
    });
  });

  it('tells officers of failures and locks without naming the e-mail address', async () => {
    const { email, teamId, userId } = await registerOwner(one.http);
    await inTurn(6, () => login(email));
    const query = 'SELECT type, severity, details, user_id FROM security_events WHERE team_id = $1';
    const [locked] = await until(async () =>
      (await one.database.sql(query, [teamId])).filter((event) => event.type === 'account_locked'),
    );
    expect(locked).toMatchObject({ severity: 'high', user_id: userId });
    expect(JSON.stringify(await one.database.sql(query, [teamId]))).not.toContain(email);
  });
});

import { hash as argon2 } from '@node-rs/argon2';
import { Clock } from '../../src/platform/clock/clock.js';
import { HashingBusyError, PasswordHasher } from '../../src/identity/passwords/password-hasher.js';
import { UserDirectory } from '../../src/identity/users/user-directory.js';
import { Database } from '../../src/platform/database/database.js';
import { type Account, freshAddress, PASSWORD, registerOwner } from '../harness/accounts.js';
import { enableTwoFactor } from '../harness/authenticator.js';
import { eventually, soon } from '../harness/eventually.js';
import { mailsOf } from '../harness/mailbox.js';
import { until } from '../harness/until.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const NEW_PASSWORD = 'another long but plain passphrase';
const NEVER_ISSUED = 'A'.repeat(43);

let app: TestApp;
let second: TestApp;

beforeAll(async () => {
  app = await startTestApp();
  second = await startTestApp({ database: app.database });
});
afterAll(async () => {
  await second.close();
  await app.close();
});
afterEach(() => jest.restoreAllMocks());

const login = (email: string, password: string) =>
  app.http.post('/v1/auth/login', { email, password }, { from: freshAddress() });
const reset = (token: string | null, newPassword = NEW_PASSWORD) =>
  app.http.post('/v1/auth/password/reset', { token, newPassword }, { from: freshAddress() });
const forgot = (email: string) =>
  app.http.post('/v1/auth/password/forgot', { email }, { from: freshAddress() });

function moveClocks(ms: number): void {
  for (const instance of [app, second]) {
    jest.spyOn(instance.app.get(Clock), 'nowMs').mockImplementation(() => Date.now() + ms);
  }
}

/** The mail may be written by either instance: both run the jobs. */
async function tokenFor(email: string, subject: string): Promise<string> {
  const [token] = await until(async () =>
    [app, second].flatMap((instance) => {
      const mail = mailsOf(instance).findLast((one) => one.to === email && one.subject.includes(subject));
      return mail?.token ?? [];
    }),
  );
  return token;
}

async function resetToken(account: Account): Promise<string> {
  expect((await forgot(account.email)).status).toBe(202);
  return tokenFor(account.email, 'Set a new password');
}

describe('changing a password', () => {
  it('keeps this session, ends the others at once on every instance, and tells the person', async () => {
    const owner = await registerOwner(app.http);
    const other = await login(owner.email, PASSWORD);
    const otherHttp = second.http.with({ authorization: `Bearer ${other.json.data.accessToken}` });
    expect((await otherHttp.get('/v1/auth/me')).status).toBe(200);

    const changed = await owner.http.post('/v1/auth/password', {
      currentPassword: PASSWORD,
      newPassword: NEW_PASSWORD,
    });
    expect(changed.status).toBe(200);
    const { passwordChangedAt } = changed.json.data;

    await soon(async () => expect((await otherHttp.get('/v1/auth/me')).status).toBe(401));
    const me = await owner.http.get('/v1/auth/me');
    expect(me.json.data.user.passwordChangedAt).toBe(passwordChangedAt);
    expect((await login(owner.email, PASSWORD)).status).toBe(401);
    expect((await login(owner.email, NEW_PASSWORD)).status).toBe(200);
    await eventually(() => {
      const mails = [...mailsOf(app), ...mailsOf(second)].filter(({ to }) => to === owner.email);
      expect(mails.map(({ subject }) => subject)).toContain('Your password was changed');
    });
    const audited = await app.database.sql(
      `SELECT new_values FROM audit_log WHERE resource_type = 'user' AND action = 'UPDATE' AND resource_id = $1`,
      [owner.userId],
    );
    expect(audited.map((row) => row.new_values)).toContainEqual({ passwordChangedAt });
  });

  it('needs the present one; five wrong guesses lock it, even with the right one', async () => {
    const owner = await registerOwner(app.http);
    const change = (currentPassword: string) =>
      owner.http.post('/v1/auth/password', { currentPassword, newPassword: NEW_PASSWORD });
    for (let guess = 1; guess <= 5; guess++) {
      const answer = await change(`wrong guess ${guess}`);
      expect([answer.status, answer.json.error.code]).toEqual([401, 'INVALID_CREDENTIALS']);
    }
    const locked = await change(PASSWORD);
    expect([locked.status, locked.json.error.code]).toEqual([423, 'ACCOUNT_LOCKED']);
    expect((await login(owner.email, PASSWORD)).status).toBe(200);
  });

  it.each([
    ['too short', 'short'],
    ['a common one', 'password1234567'],
    ['the one in use', PASSWORD],
  ])('refuses %s', async (_, newPassword) => {
    const owner = await registerOwner(app.http);
    const answer = await owner.http.post('/v1/auth/password', { currentPassword: PASSWORD, newPassword });
    expect([answer.status, answer.json.error.details[0].field]).toEqual([400, 'newPassword']);
    expect((await login(owner.email, PASSWORD)).status).toBe(200);
  });

  it('does not count for an API key or nobody', async () => {
    const body = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD };
    expect((await app.http.post('/v1/auth/password', body)).status).toBe(401);
  });
});

describe('a forgotten password', () => {
  it('is answered alike for known, unknown and disabled addresses', async () => {
    const known = await registerOwner(app.http);
    const disabled = await registerOwner(app.http);
    await app.database.sql('UPDATE users SET disabled_at = now() WHERE id = $1', [disabled.userId]);
    const answers = [];
    for (const email of [known.email, 'nobody@example.com', disabled.email]) {
      const { status, json, headers } = await forgot(email);
      for (const varying of ['x-request-id', 'date', 'ratelimit-reset']) delete headers[varying];
      answers.push({ status, json, headers });
    }
    expect(answers[0]).toMatchObject({ status: 202, json: { success: true, data: { accepted: true } } });
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
    await tokenFor(known.email, 'Set a new password');
    const mailed = [...mailsOf(app), ...mailsOf(second)].filter(
      (mail) => mail.subject === 'Set a new password',
    );
    expect(mailed.map(({ to }) => to)).not.toContain('nobody@example.com');
    expect(mailed.map(({ to }) => to)).not.toContain(disabled.email);
  });

  it('does in the request what does not depend on the account: one job, no look-up', async () => {
    const known = await registerOwner(app.http);
    // An instance without workers, so that every statement seen is the request's own.
    const api = await startTestApp({ database: app.database, env: { ROLE: 'api' } });
    try {
      const find = jest.spyOn(api.app.get(UserDirectory), 'findLogin');
      const run = jest.spyOn(api.app.get(Database), 'run');
      const statementsFor = async (email: string) => {
        run.mockClear();
        await api.http.post('/v1/auth/password/forgot', { email }, { from: freshAddress() });
        return run.mock.calls.map(([batch]) => batch.map(({ name }) => name));
      };
      expect(await statementsFor(known.email)).toEqual([['job:insert']]);
      expect(await statementsFor('nobody-else@example.com')).toEqual([['job:insert']]);
      expect(find).not.toHaveBeenCalled();
    } finally {
      await api.close();
    }
  });

  it('mails at most five links an hour', async () => {
    const owner = await registerOwner(app.http);
    await resetToken(owner);
    await app.database.sql(
      `INSERT INTO account_tokens (team_id, token_hash, user_id, purpose, email_key, expires_at)
       SELECT $1, sha256(n::text::bytea), $2, 'password_reset', $3, now() FROM generate_series(1, 4) n`,
      [owner.teamId, owner.userId, owner.email],
    );
    const count = () =>
      app.database.sql(
        `SELECT count(*)::int FROM account_tokens WHERE user_id = $1 AND purpose = 'password_reset'`,
        [owner.userId],
      );
    await forgot(owner.email);
    await eventually(async () =>
      expect(
        await app.database.sql(`SELECT 1 FROM pgboss.job WHERE name = 'password-reset-request'`),
      ).toEqual([]),
    );
    expect(await count()).toEqual([{ count: 5 }]);
  });
});

describe('resetting a password', () => {
  it('works once, ends every session, and signs nobody in', async () => {
    const owner = await registerOwner(app.http);
    const token = await resetToken(owner);
    const answer = await reset(token);
    expect(answer.status).toBe(200);
    expect(answer.text).not.toMatch(/accessToken|refresh/);
    expect(answer.headers['set-cookie']).toBeUndefined();

    await soon(async () => expect((await owner.http.get('/v1/auth/me')).status).toBe(401));
    expect((await login(owner.email, NEW_PASSWORD)).status).toBe(200);
    expect((await reset(token, 'yet another long passphrase')).status).toBe(400);
    expect(
      await app.database.sql('SELECT 1 FROM known_devices WHERE user_id = $1', [owner.userId]),
    ).toHaveLength(1);
    expect((await login(owner.email, NEW_PASSWORD)).status).toBe(200);
  });

  it('of 20 parallel uses of one token lets one through', async () => {
    const owner = await registerOwner(app.http);
    const token = await resetToken(owner);
    const tries = Array.from({ length: 20 }, (_, n) => `a long passphrase, number ${n}`);
    const answers = await Promise.all(tries.map((password) => reset(token, password)));
    const winners = answers.flatMap(({ status }, n) => (status === 200 ? [n] : []));
    expect(winners).toHaveLength(1);
    expect((await login(owner.email, tries[winners[0]])).status).toBe(200);
    const audited = await app.database.sql(
      `SELECT 1 FROM audit_log WHERE resource_id = $1 AND action = 'UPDATE' AND new_values ? 'passwordChangedAt'`,
      [owner.userId],
    );
    expect(audited).toHaveLength(1);
  });

  it('makes every other reset link of the person useless', async () => {
    const owner = await registerOwner(app.http);
    const first = await resetToken(owner);
    await eventually(async () =>
      expect(
        await app.database.sql(`SELECT 1 FROM pgboss.job WHERE name = 'password-reset-request'`),
      ).toEqual([]),
    );
    let latest = first;
    await forgot(owner.email);
    await eventually(async () => {
      latest = await tokenFor(owner.email, 'Set a new password');
      const all = [...mailsOf(app), ...mailsOf(second)].filter(
        (mail) => mail.to === owner.email && mail.subject === 'Set a new password',
      );
      latest = all.map(({ token }) => token!).find((token) => token !== first) ?? first;
      expect(latest).not.toBe(first);
    });
    expect((await reset(latest)).status).toBe(200);
    expect((await reset(first)).status).toBe(400);
  });

  it('is over after 30 minutes', async () => {
    const owner = await registerOwner(app.http);
    const token = await resetToken(owner);
    moveClocks(30 * 60_000 + 1000);
    const late = await reset(token);
    expect([late.status, late.json.error.details[0].field]).toEqual([400, 'token']);
    jest.restoreAllMocks();
    moveClocks(29 * 60_000);
    expect((await reset(token)).status).toBe(200);
  });

  it('takes no token of another kind, none that never was, and nothing but text', async () => {
    const owner = await registerOwner(app.http);
    const verification = await tokenFor(owner.email, 'Confirm your e-mail');
    const answers = await Promise.all(
      [verification, NEVER_ISSUED, 'x', '\u0000'].map((token) => reset(token)),
    );
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 400]);
    expect(answers[1].json.error.message).toBe(answers[0].json.error.message);
    for (const token of [null, 1, { $ne: '' }, ['a'], true]) {
      expect(
        (await app.http.post('/v1/auth/password/reset', { token, newPassword: NEW_PASSWORD })).status,
      ).toBe(400);
    }
    expect((await login(owner.email, PASSWORD)).status).toBe(200);
  });

  it('keeps the token when the new password breaks the policy', async () => {
    const owner = await registerOwner(app.http);
    const token = await resetToken(owner);
    expect((await reset(token, 'short')).json.error.details[0].field).toBe('newPassword');
    expect((await reset(token)).status).toBe(200);
  });

  it('refuses an address after five bad tokens', async () => {
    const from = freshAddress();
    const guess = () =>
      app.http.post('/v1/auth/password/reset', { token: NEVER_ISSUED, newPassword: NEW_PASSWORD }, { from });
    for (let n = 0; n < 5; n++) expect((await guess()).status).toBe(400);
    const refused = await guess();
    expect([refused.status, refused.json.error.code]).toEqual([429, 'AUTH_RATE_LIMIT']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  });

  it('leaves no token in the database', async () => {
    const owner = await registerOwner(app.http);
    const token = await resetToken(owner);
    const rows = await app.database.sql(
      `SELECT t::text AS row FROM account_tokens t UNION ALL SELECT j::text FROM pgboss.job j UNION ALL SELECT a::text FROM audit_log a`,
    );
    expect(rows.map(({ row }) => row).join('\n')).not.toContain(token);
    expect(app.logged() + second.logged()).not.toContain(token);
  });
});

describe('a new address', () => {
  it('is confirmed with the mailed token, once', async () => {
    const owner = await registerOwner(app.http);
    expect((await owner.http.get('/v1/auth/me')).json.data.user.emailVerifiedAt).toBeNull();
    const token = await tokenFor(owner.email, 'Confirm your e-mail');
    const verify = () => app.http.post('/v1/auth/email/verify', { token }, { from: freshAddress() });
    const answers = await Promise.all(Array.from({ length: 5 }, verify));
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, 400, 400, 400, 400]);
    expect((await owner.http.get('/v1/auth/me')).json.data.user.emailVerifiedAt).not.toBeNull();
  });

  it('is not confirmed by a token that was sent to the address before', async () => {
    const owner = await registerOwner(app.http);
    const token = await tokenFor(owner.email, 'Confirm your e-mail');
    await app.database.sql(
      `UPDATE users SET email = 'moved@example.com', email_key = 'moved@example.com' WHERE id = $1`,
      [owner.userId],
    );
    const answer = await app.http.post('/v1/auth/email/verify', { token }, { from: freshAddress() });
    expect(answer.status).toBe(400);
  });
});

describe('hashing', () => {
  it('answers 503 with Retry-After when too many hashes wait', async () => {
    const hasher = app.app.get(PasswordHasher);
    jest.spyOn(hasher, 'verify').mockRejectedValue(new HashingBusyError());
    const answer = await login('nobody@example.com', PASSWORD);
    expect([answer.status, answer.json.error.code, answer.headers['retry-after']]).toEqual([
      503,
      'UNAVAILABLE',
      '1',
    ]);
  });
});

const weakened = async (account: Account): Promise<string> => {
  const weak = await argon2(PASSWORD, { memoryCost: 8192, timeCost: 1, parallelism: 1 });
  await app.database.sql('UPDATE users SET password_hash = $2 WHERE id = $1', [account.userId, weak]);
  return weak;
};
const stored = async ({ userId }: Account) => {
  const [user] = await app.database.sql(
    'SELECT password_hash, password_changed_at FROM users WHERE id = $1',
    [userId],
  );
  return user as { password_hash: string; password_changed_at: Date };
};
const audited = ({ userId }: Account) =>
  app.database.sql(`SELECT 1 FROM audit_log WHERE resource_id = $1 AND new_values ? 'passwordRehashed'`, [
    userId,
  ]);

describe('a hash with the parameters of another day', () => {
  it.each([
    ['alone', false],
    ['and a second factor to come', true],
  ])(
    'is replaced at a sign-in with the password %s, once, and nothing else changes',
    async (_, twoFactor) => {
      const owner = await registerOwner(app.http);
      if (twoFactor) await enableTwoFactor(app, owner.http);
      const before = await stored(owner);
      await weakened(owner);
      expect((await login(owner.email, PASSWORD)).status).toBe(200);
      await eventually(async () =>
        expect((await stored(owner)).password_hash).toContain('$argon2id$v=19$m=19456,t=2,p=1$'),
      );
      const after = await stored(owner);
      expect(after.password_changed_at).toEqual(before.password_changed_at);
      expect((await owner.http.get('/v1/auth/me')).status).toBe(200);
      expect((await login(owner.email, PASSWORD)).status).toBe(200);
      expect(await stored(owner)).toEqual(after);
      expect(await audited(owner)).toHaveLength(1);
    },
  );

  it('stays after a wrong password', async () => {
    const owner = await registerOwner(app.http);
    const weak = await weakened(owner);
    expect((await login(owner.email, NEW_PASSWORD)).status).toBe(401);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await stored(owner)).password_hash).toBe(weak);
  });

  it('stays until the next sign-in when too many hashes wait', async () => {
    const owner = await registerOwner(app.http);
    const weak = await weakened(owner);
    const busy = jest.spyOn(app.app.get(PasswordHasher), 'hash').mockRejectedValue(new HashingBusyError());
    expect((await login(owner.email, PASSWORD)).status).toBe(200);
    expect((await stored(owner)).password_hash).toBe(weak);
    expect(await audited(owner)).toEqual([]);
    busy.mockRestore();
    expect((await login(owner.email, PASSWORD)).status).toBe(200);
    await eventually(async () => expect((await stored(owner)).password_hash).not.toBe(weak));
  });
});

describe('a password that was replaced', () => {
  it('by a reset leaves the second factor in force', async () => {
    const owner = await registerOwner(app.http);
    const phone = await enableTwoFactor(app, owner.http);
    expect((await reset(await resetToken(owner))).status).toBe(200);
    const signedIn = await login(owner.email, NEW_PASSWORD);
    expect(signedIn.json.data).toEqual({ twoFactorRequired: true, challengeToken: expect.any(String) });
    expect(signedIn.headers['set-cookie']).toBeUndefined();
    const { challengeToken } = signedIn.json.data;
    const prove = (code: string) =>
      app.http.post('/v1/auth/login/2fa', { challengeToken, code }, { from: freshAddress() });
    expect((await prove(phone.wrong())).json.error.code).toBe('INVALID_CODE');
    expect((await prove(phone.backupCodes[0])).status).toBe(200);
  });

  it('by a change voids the reset links from before', async () => {
    const owner = await registerOwner(app.http);
    const token = await resetToken(owner);
    const body = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD };
    expect((await owner.http.post('/v1/auth/password', body)).status).toBe(200);
    const late = await reset(token, 'a third quite long passphrase');
    expect([late.status, late.json.error.code]).toEqual([400, 'VALIDATION_FAILED']);
    expect((await login(owner.email, NEW_PASSWORD)).status).toBe(200);
  });

  it('while somebody signs in with it opens no session that outlives it', async () => {
    const owner = await registerOwner(app.http);
    const token = await resetToken(owner);
    const hasher = app.app.get(PasswordHasher);
    const verify = hasher.verify.bind(hasher);
    jest.spyOn(hasher, 'verify').mockImplementationOnce(async (hash, password) => {
      const correct = await verify(hash, password);
      expect((await reset(token)).status).toBe(200);
      return correct;
    });
    expect((await login(owner.email, PASSWORD)).json.error.code).toBe('INVALID_CREDENTIALS');
    const live = 'SELECT FROM sessions WHERE user_id = $1 AND revoked_at IS NULL';
    expect(await app.database.sql(live, [owner.userId])).toHaveLength(0);
  });
});

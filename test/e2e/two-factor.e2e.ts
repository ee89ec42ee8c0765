import jsqr from 'jsqr';
import { PNG } from 'pngjs';
import { Database } from '../../src/platform/database/database.js';
import { type Account, createKey, PASSWORD, registerOwner } from '../harness/accounts.js';
import { Authenticator, enableTwoFactor } from '../harness/authenticator.js';
import { moveClock } from '../harness/clock.js';
import { mailTo } from '../harness/mailbox.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const MINUTE_MS = 60_000;

describe('two-factor authentication', () => {
  let app: TestApp;
  let owner: Account;

  beforeAll(async () => {
    app = await startTestApp();
  });
  beforeEach(async () => {
    moveClock(app, 0);
    owner = await registerOwner(app.http);
  });
  afterAll(() => app.close());

  describe('set-up', () => {
    it('shows a QR code whose reader finds the address with the secret', async () => {
      const { data } = (await owner.http.post('/v1/auth/2fa/setup')).json;
      const png = PNG.sync.read(Buffer.from(data.qrCode.replace(/^data:image\/png;base64,/, ''), 'base64'));
      const scanned = jsqr.default(new Uint8ClampedArray(png.data), png.width, png.height)?.data;
      expect(scanned).toBe(data.otpauthUrl);
      const url = new URL(data.otpauthUrl);
      expect(url.searchParams.get('secret')).toBe(data.secret);
      expect(decodeURIComponent(url.pathname)).toBe(`/Latchkey:${owner.email}`);
      expect(data.qrText).toMatch(/[▄▀█]/);
    });

    it('changes nothing until the first code is confirmed', async () => {
      const { secret } = (await owner.http.post('/v1/auth/2fa/setup')).json.data;
      expect(await stateOf(owner)).toEqual({ enabled: false, backupCodesLeft: 0 });
      const phone = new Authenticator(app, secret);
      const wrong = await owner.http.post('/v1/auth/2fa/enable', { code: phone.wrong() });
      expect([wrong.status, wrong.json.error.code]).toEqual([401, 'INVALID_CODE']);
      const enabled = await owner.http.post('/v1/auth/2fa/enable', { code: phone.code() });
      expect(enabled.status).toBe(200);
      expect(new Set(enabled.json.data.backupCodes).size).toBe(10);
      expect(await stateOf(owner)).toEqual({ enabled: true, backupCodesLeft: 10 });
    });

    it('counts wrong first codes like all others', async () => {
      const { secret } = (await owner.http.post('/v1/auth/2fa/setup')).json.data;
      const phone = new Authenticator(app, secret);
      for (let tries = 0; tries < 5; tries++)
        expect((await owner.http.post('/v1/auth/2fa/enable', { code: phone.wrong() })).status).toBe(401);
      const locked = await owner.http.post('/v1/auth/2fa/enable', { code: phone.code() });
      expect([locked.status, locked.json.error.code]).toEqual([423, 'ACCOUNT_LOCKED']);
    });

    it('tells the person by mail when it is turned on and off', async () => {
      const phone = await enableTwoFactor(app, owner.http);
      const on = await mailTo(app, owner.email, 'was turned on');
      expect(on.raw).not.toContain(phone.secret);
      const off = await owner.http.post('/v1/auth/2fa/disable', { password: PASSWORD, code: phone.next() });
      expect(off.status).toBe(200);
      await mailTo(app, owner.email, 'was turned off');
    });

    it('a second set-up replaces the unconfirmed secret, never one in use', async () => {
      const first = (await owner.http.post('/v1/auth/2fa/setup')).json.data.secret;
      const second = (await owner.http.post('/v1/auth/2fa/setup')).json.data.secret;
      expect(second).not.toBe(first);
      const old = await owner.http.post('/v1/auth/2fa/enable', {
        code: new Authenticator(app, first).code(),
      });
      expect(old.status).toBe(401);
      const phone = new Authenticator(app, second);
      expect((await owner.http.post('/v1/auth/2fa/enable', { code: phone.code() })).status).toBe(200);
      expect((await owner.http.post('/v1/auth/2fa/setup')).json.error.code).toBe('CONFLICT');
      expect((await owner.http.post('/v1/auth/2fa/enable', { code: phone.next() })).json.error.code).toBe(
        'CONFLICT',
      );
    });

    it('of parallel confirmations with one code one turns it on', async () => {
      const { secret } = (await owner.http.post('/v1/auth/2fa/setup')).json.data;
      const code = new Authenticator(app, secret).code();
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => owner.http.post('/v1/auth/2fa/enable', { code })),
      );
      expect(answers.filter((answer) => answer.status === 200)).toHaveLength(1);
      expect(await stateOf(owner)).toEqual({ enabled: true, backupCodesLeft: 10 });
    });

    it('needs a fresh session; a code is asked for where there is no set-up', async () => {
      expect((await owner.http.post('/v1/auth/2fa/enable', { code: '123456' })).json.error.code).toBe(
        'CONFLICT',
      );
      moveClock(app, 11 * MINUTE_MS);
      expect((await owner.http.post('/v1/auth/2fa/setup')).json.error.code).toBe('STEP_UP_REQUIRED');
    });

    it('is refused to API keys', async () => {
      const key = await createKey(owner, ['clients:read']);
      for (const path of ['setup', 'enable', 'disable', 'backup-codes']) {
        const answer = await key.http.post(`/v1/auth/2fa/${path}`, { code: '123456', password: PASSWORD });
        expect([answer.status, answer.json.error.code]).toEqual([403, 'FORBIDDEN']);
      }
    });

    it('REQUIRE_2FA leaves the way to a second factor open and then the sensitive routes', async () => {
      const strict = await startTestApp({ database: app.database, env: { REQUIRE_2FA: 'true' } });
      try {
        const http = strict.http.with({ authorization: `Bearer ${owner.accessToken}` });
        const body = { name: 'Test key', scopes: [] };
        expect((await http.post('/v1/api-keys', body)).json.error.code).toBe('TWO_FACTOR_REQUIRED');
        await enableTwoFactor(strict, http);
        expect((await http.post('/v1/api-keys', body)).status).toBe(201);
      } finally {
        await strict.close();
      }
    });
  });

  describe('codes', () => {
    let phone: Authenticator;
    beforeEach(async () => {
      phone = await enableTwoFactor(app, owner.http);
    });

    it('step up the session, and the password alone no longer does', async () => {
      phone.wait(11 * MINUTE_MS);
      const body = { name: 'Test key', scopes: [] };
      expect((await owner.http.post('/v1/api-keys', body)).json.error.code).toBe('STEP_UP_REQUIRED');
      expect((await owner.http.post('/v1/auth/step-up', { password: PASSWORD })).status).toBe(400);
      expect((await owner.http.post('/v1/auth/step-up', { code: phone.next() })).status).toBe(200);
      expect((await owner.http.post('/v1/api-keys', body)).status).toBe(201);
    });

    it('work once: not again, not on another endpoint, not the one before', async () => {
      const used = phone.next();
      expect((await owner.http.post('/v1/auth/step-up', { code: used })).status).toBe(200);
      for (const [path, body] of [
        ['step-up', { code: used }],
        ['2fa/backup-codes', { code: used }],
        ['2fa/disable', { code: used, password: PASSWORD }],
        ['2fa/backup-codes', { code: phone.code(-1) }],
      ] as const) {
        const replay = await owner.http.post(`/v1/auth/${path}`, body);
        expect([path, replay.status, replay.json.error.code]).toEqual([path, 401, 'INVALID_CODE']);
      }
    });

    it('the code of the set-up is used up', async () => {
      const replay = await owner.http.post('/v1/auth/step-up', { code: phone.code() });
      expect(replay.json.error.code).toBe('INVALID_CODE');
    });

    it('one accepted early bars itself at both edges of its window', async () => {
      const early = phone.code(1);
      expect((await owner.http.post('/v1/auth/step-up', { code: early })).status).toBe(200);
      phone.wait(30_000);
      expect((await owner.http.post('/v1/auth/step-up', { code: early })).status).toBe(401);
      phone.wait(30_000);
      expect((await owner.http.post('/v1/auth/step-up', { code: early })).status).toBe(401);
    });

    it('of 20 parallel uses on two endpoints and instances one succeeds', async () => {
      const other = await startTestApp({ database: app.database });
      try {
        const elsewhere = other.http.with({ authorization: `Bearer ${owner.accessToken}` });
        const code = phone.next();
        moveClock(other, 30_000);
        const answers = await Promise.all(
          Array.from({ length: 20 }, (_, index) =>
            (index % 2 ? owner.http : elsewhere).post(
              index % 4 < 2 ? '/v1/auth/step-up' : '/v1/auth/2fa/backup-codes',
              { code },
            ),
          ),
        );
        expect(answers.filter((answer) => answer.status === 200)).toHaveLength(1);
      } finally {
        await other.close();
      }
    });

    it('are strings of six digits and nothing that looks like them', async () => {
      for (const code of [123456, ['123456'], { $ne: '' }, null, true, '']) {
        expect((await owner.http.post('/v1/auth/step-up', { code })).status).toBe(400);
      }
      const odd = await owner.http.post('/v1/auth/step-up', { code: '１２３４５６' });
      expect([odd.status, odd.json.error.code]).toEqual([401, 'INVALID_CODE']);
    });
  });

  describe('backup codes', () => {
    let phone: Authenticator;
    beforeEach(async () => {
      phone = await enableTwoFactor(app, owner.http);
    });

    it('work once each, however they are typed', async () => {
      const [first, second] = phone.backupCodes;
      expect((await owner.http.post('/v1/auth/step-up', { code: first })).status).toBe(200);
      expect((await owner.http.post('/v1/auth/step-up', { code: first })).status).toBe(401);
      const typed = second.toLowerCase().replaceAll('-', ' ');
      expect((await owner.http.post('/v1/auth/step-up', { code: typed })).status).toBe(200);
      expect(await stateOf(owner)).toEqual({ enabled: true, backupCodesLeft: 8 });
    });

    it('of 20 parallel uses of one code one succeeds', async () => {
      const code = phone.backupCodes[0];
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => owner.http.post('/v1/auth/step-up', { code })),
      );
      expect(answers.filter((answer) => answer.status === 200)).toHaveLength(1);
      expect((await stateOf(owner)).backupCodesLeft).toBe(9);
    });

    it('renewing voids the old ones', async () => {
      const renewed = await owner.http.post('/v1/auth/2fa/backup-codes', { code: phone.next() });
      const codes: string[] = renewed.json.data.backupCodes;
      expect(codes).toHaveLength(10);
      const old = await owner.http.post('/v1/auth/step-up', { code: phone.backupCodes[3] });
      expect(old.status).toBe(401);
      expect((await owner.http.post('/v1/auth/step-up', { code: codes[3] })).status).toBe(200);
    });

    it('of another user open nothing', async () => {
      const stranger = await registerOwner(app.http);
      await enableTwoFactor(app, stranger.http);
      const theirs = await stranger.http.post('/v1/auth/step-up', { code: phone.backupCodes[0] });
      expect(theirs.status).toBe(401);
      expect((await stateOf(owner)).backupCodesLeft).toBe(10);
    });
  });

  describe('turning off', () => {
    it('needs password, code and a fresh session, and forgets the secret', async () => {
      const phone = await enableTwoFactor(app, owner.http);
      const off = (password: string, code: string) =>
        owner.http.post('/v1/auth/2fa/disable', { password, code });
      expect((await off('a plain but wrong passphrase', phone.next())).json.error.code).toBe(
        'INVALID_CREDENTIALS',
      );
      expect((await off(PASSWORD, phone.wrong())).json.error.code).toBe('INVALID_CODE');
      phone.wait(11 * MINUTE_MS);
      expect((await off(PASSWORD, phone.code())).json.error.code).toBe('STEP_UP_REQUIRED');
      expect((await owner.http.post('/v1/auth/step-up', { code: phone.code() })).status).toBe(200);
      expect((await off(PASSWORD, phone.next())).status).toBe(200);
      expect(await stateOf(owner)).toEqual({ enabled: false, backupCodesLeft: 0 });
      const rows = await app.database.sql(
        `SELECT (SELECT count(*) FROM two_factor_secrets WHERE user_id = $1) + (SELECT count(*) FROM two_factor_backup_codes WHERE user_id = $1) AS n`,
        [owner.userId],
      );
      expect(Number(rows[0].n)).toBe(0);
      expect((await off(PASSWORD, phone.next())).json.error.code).toBe('CONFLICT');
    });
  });

  describe('what is stored', () => {
    it('holds neither secret nor codes in the clear, and every change has its audit row', async () => {
      const phone = await enableTwoFactor(app, owner.http);
      const dump = JSON.stringify([
        await app.database.sql(`SELECT user_id, encode(sealed, 'escape') AS sealed FROM two_factor_secrets`),
        await app.database.sql(
          `SELECT old_values, new_values, action FROM audit_log WHERE resource_type = 'two_factor' AND user_id = $1 ORDER BY created_at`,
          [owner.userId],
        ),
      ]);
      expect(dump).not.toContain(phone.secret);
      expect(dump).toContain('"action":"CREATE"');
      expect(dump).toContain('"new_values":{"enabled":true}');
      expect(app.logged()).not.toContain(phone.secret);
      for (const code of phone.backupCodes) expect(app.logged()).not.toContain(code);
    });

    it('is seen by statements of that user only, and opens for no other', async () => {
      const phone = await enableTwoFactor(app, owner.http);
      const stranger = await registerOwner(app.http);
      await enableTwoFactor(app, stranger.http);
      const scope = { teamId: owner.teamId, userId: stranger.userId };
      for (const table of ['two_factor_secrets', 'two_factor_backup_codes']) {
        const text = `SELECT DISTINCT user_id FROM ${table}`;
        const [seen] = await app.app.get(Database).runIn(scope, [{ name: null, text, values: [] }]);
        expect(seen.rows).toEqual([{ user_id: stranger.userId }]);
      }
      // Whoever can write the table still cannot make a stranger's phone open this account.
      await app.database.sql(
        `UPDATE two_factor_secrets t SET sealed = s.sealed, master_key_id = s.master_key_id
         FROM two_factor_secrets s WHERE t.user_id = $1 AND s.user_id = $2`,
        [stranger.userId, owner.userId],
      );
      const moved = await stranger.http.post('/v1/auth/step-up', { code: phone.next() });
      expect(moved.status).toBe(500);
    });

    it('turning it on, wrong codes and backup codes leave security events', async () => {
      const phone = await enableTwoFactor(app, owner.http);
      const wrong = await owner.http.post('/v1/auth/step-up', { code: phone.wrong() });
      expect(wrong.status).toBe(401);
      await owner.http.post('/v1/auth/step-up', { code: phone.backupCodes[0] });
      for (const type of ['two_factor_enabled', 'two_factor_failed', 'backup_code_used']) {
        expect(app.logged()).toContain(type);
      }
    });
  });
});

async function stateOf(account: Account) {
  return (await account.http.get('/v1/auth/me')).json.data.twoFactor;
}

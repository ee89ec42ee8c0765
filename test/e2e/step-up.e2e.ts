import { type Account, createKey, PASSWORD, registerOwner } from '../harness/accounts.js';
import { moveClock } from '../harness/clock.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const MINUTE_MS = 60_000;
const KEY = { name: 'Test key', scopes: ['clients:read'] };

describe('step-up', () => {
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

  it('signing in opens sensitive routes for ten minutes', async () => {
    moveClock(app, 9 * MINUTE_MS);
    expect((await owner.http.post('/v1/api-keys', KEY)).status).toBe(201);
    moveClock(app, 11 * MINUTE_MS);
    const refused = await owner.http.post('/v1/api-keys', KEY);
    expect([refused.status, refused.json.error.code]).toEqual([403, 'STEP_UP_REQUIRED']);
  });

  it('other routes stay open to a session that is not fresh', async () => {
    moveClock(app, 11 * MINUTE_MS);
    expect((await owner.http.get('/v1/clients')).status).toBe(200);
  });

  it('the password opens them again, at once, for ten minutes', async () => {
    moveClock(app, 11 * MINUTE_MS);
    for (let round = 0; round < 20; round++) {
      moveClock(app, (round + 1) * 11 * MINUTE_MS);
      expect((await owner.http.post('/v1/api-keys', KEY)).status).toBe(403);
      const stepUp = await owner.http.post('/v1/auth/step-up', { password: PASSWORD });
      expect(stepUp.status).toBe(200);
      expect((await owner.http.post('/v1/api-keys', KEY)).status).toBe(201);
    }
  });

  it('a step-up on one instance opens the routes of another at once', async () => {
    const other = await startTestApp({ database: app.database });
    try {
      for (const one of [app, other]) moveClock(one, 11 * MINUTE_MS);
      const elsewhere = { authorization: `Bearer ${owner.accessToken}` };
      expect((await other.http.post('/v1/api-keys', KEY, { headers: elsewhere })).status).toBe(403);
      expect((await owner.http.post('/v1/auth/step-up', { password: PASSWORD })).status).toBe(200);
      expect((await other.http.post('/v1/api-keys', KEY, { headers: elsewhere })).status).toBe(201);
    } finally {
      await other.close();
    }
  });

  it('a step-up is of one session, not of the person', async () => {
    const login = await app.http.post('/v1/auth/login', { email: owner.email, password: PASSWORD });
    const otherSession = app.http.with({ authorization: `Bearer ${login.json.data.accessToken}` });
    moveClock(app, 11 * MINUTE_MS);
    expect((await owner.http.post('/v1/auth/step-up', { password: PASSWORD })).status).toBe(200);
    expect((await otherSession.post('/v1/api-keys', KEY)).status).toBe(403);
  });

  it('a wrong password, an empty body and two proofs open nothing', async () => {
    moveClock(app, 11 * MINUTE_MS);
    const wrong = await owner.http.post('/v1/auth/step-up', { password: 'a plain but wrong passphrase' });
    expect([wrong.status, wrong.json.error.code]).toEqual([401, 'INVALID_CREDENTIALS']);
    expect((await owner.http.post('/v1/auth/step-up', {})).status).toBe(400);
    expect((await owner.http.post('/v1/auth/step-up', { password: '' })).status).toBe(400);
    expect((await owner.http.post('/v1/auth/step-up', { password: null })).status).toBe(400);
    expect((await owner.http.post('/v1/auth/step-up', { password: ['x'] })).status).toBe(400);
    expect((await owner.http.post('/v1/api-keys', KEY)).status).toBe(403);
  });

  it('an API key cannot step up, nor make keys', async () => {
    const key = await createKey(owner, ['clients:read']);
    expect((await key.http.post('/v1/auth/step-up', { password: PASSWORD })).json.error.code).toBe(
      'FORBIDDEN',
    );
    expect((await key.http.post('/v1/api-keys', KEY)).status).toBe(403);
  });

  it('a step-up leaves an audit row', async () => {
    await owner.http.post('/v1/auth/step-up', { password: PASSWORD });
    const rows = await app.database.sql(
      `SELECT new_values FROM audit_log WHERE user_id = $1 AND resource_type = 'session' AND action = 'UPDATE'`,
      [owner.userId],
    );
    expect(rows).toHaveLength(1);
    expect(rows[0].new_values).toHaveProperty('steppedUpAt');
  });

  it('with REQUIRE_2FA nobody makes an API key without a second factor', async () => {
    const strict = await startTestApp({ database: app.database, env: { REQUIRE_2FA: 'true' } });
    try {
      const session = { authorization: `Bearer ${owner.accessToken}` };
      const refused = await strict.http.post('/v1/api-keys', KEY, { headers: session });
      expect([refused.status, refused.json.error.code]).toEqual([403, 'TWO_FACTOR_REQUIRED']);
      await app.database.sql(`UPDATE memberships SET role = 'agent' WHERE user_id = $1`, [owner.userId]);
      const login = await strict.http.post('/v1/auth/login', { email: owner.email, password: PASSWORD });
      const agent = { authorization: `Bearer ${login.json.data.accessToken}` };
      const agentRefused = await strict.http.post('/v1/api-keys', KEY, { headers: agent });
      expect([agentRefused.status, agentRefused.json.error.code]).toEqual([403, 'TWO_FACTOR_REQUIRED']);
    } finally {
      await strict.close();
    }
  });
});

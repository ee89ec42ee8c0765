import { type Account, createKey, freshAddress, PASSWORD, registerOwner } from '../harness/accounts.js';
import { enableTwoFactor } from '../harness/authenticator.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

let app: TestApp;
let person: Account;
let other: Account;

beforeAll(async () => {
  app = await startTestApp();
});
beforeEach(async () => {
  person = await registerOwner(app.http);
  other = await registerOwner(app.http, { teamName: 'Bay Realty' });
  await app.database.sql(`INSERT INTO memberships (team_id, user_id, role) VALUES ($1, $2, 'agent')`, [
    other.teamId,
    person.userId,
  ]);
});
afterAll(() => app.close());

const login = (fields: object = {}) =>
  app.http.post(
    '/v1/auth/login',
    { email: person.email, password: PASSWORD, ...fields },
    { from: freshAddress() },
  );
const me = async (accessToken: string) =>
  (await app.http.get('/v1/auth/me', { headers: { authorization: `Bearer ${accessToken}` } })).json.data;

describe('somebody in two teams', () => {
  it('sees both, and nobody else’s', async () => {
    const { status, json } = await person.http.get('/v1/auth/teams');
    expect(status).toBe(200);
    expect(json.data).toEqual([
      { id: person.teamId, name: 'Harbor Realty', role: 'owner', joinedAt: expect.any(String) },
      { id: other.teamId, name: 'Bay Realty', role: 'agent', joinedAt: expect.any(String) },
    ]);
    expect((await other.http.get('/v1/auth/teams')).json.data).toHaveLength(1);
    const key = await createKey(person, ['clients:read']);
    expect((await key.http.get('/v1/auth/teams')).status).toBe(403);
  });

  it('signs in to the one they name, with the role they have there; without a name to the first', async () => {
    const second = (await login({ teamId: other.teamId })).json.data;
    expect(second.team).toEqual({ id: other.teamId, name: 'Bay Realty' });
    expect(await me(second.accessToken)).toMatchObject({ team: { id: other.teamId }, role: 'agent' });
    const first = (await login()).json.data;
    expect(await me(first.accessToken)).toMatchObject({ team: { id: person.teamId }, role: 'owner' });
    const rows = await app.database.sql(
      `SELECT 1 FROM audit_log WHERE team_id = $1 AND user_id = $2 AND resource_type = 'session' AND action = 'CREATE'`,
      [other.teamId, person.userId],
    );
    expect(rows).toHaveLength(1);
  });

  it('gets there through the second factor as well', async () => {
    const phone = await enableTwoFactor(app, person.http);
    const { challengeToken, ...rest } = (await login({ teamId: other.teamId })).json.data;
    expect(rest).toEqual({ twoFactorRequired: true });
    const done = await app.http.post('/v1/auth/login/2fa', { challengeToken, code: phone.next() });
    expect([done.status, done.json.data?.team?.id]).toEqual([200, other.teamId]);
  });

  it('does not get into a team that is not theirs, a sandbox, or one they left', async () => {
    const stranger = await registerOwner(app.http);
    await createKey(person, ['clients:read'], { environment: 'test' });
    const [sandbox] = await app.database.sql('SELECT id FROM teams WHERE sandbox_of = $1', [person.teamId]);
    await app.database.sql('DELETE FROM memberships WHERE team_id = $1 AND user_id = $2', [
      other.teamId,
      person.userId,
    ]);
    const refusals = [];
    for (const teamId of [
      stranger.teamId,
      sandbox.id,
      other.teamId,
      '01890000-0000-7000-8000-000000000000',
    ]) {
      const { status, json, headers } = await login({ teamId });
      refusals.push([status, json.error?.code, json.error?.message, headers['set-cookie']]);
    }
    expect(refusals[0].slice(0, 2)).toEqual([403, 'FORBIDDEN']);
    for (const refusal of refusals) expect(refusal).toEqual(refusals[0]);
    expect((await person.http.get('/v1/auth/teams')).json.data.map(({ id }: { id: string }) => id)).toEqual([
      person.teamId,
    ]);
  });

  it('learns nothing of teams with a wrong password', async () => {
    const wrong = { password: 'not the password at all' };
    const [theirs, foreign] = [
      await login({ ...wrong, teamId: other.teamId }),
      await login({ ...wrong, teamId: '01890000-0000-7000-8000-000000000000' }),
    ];
    expect([theirs.status, theirs.json.error.code]).toEqual([401, 'INVALID_CREDENTIALS']);
    expect([foreign.status, foreign.json.error.code]).toEqual([401, 'INVALID_CREDENTIALS']);
    expect((await login({ teamId: 'x' })).status).toBe(400);
  });
});

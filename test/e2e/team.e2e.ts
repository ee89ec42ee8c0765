import { randomBytes } from 'node:crypto';
import { OWNED } from '../../src/identity/teams/owned-records.js';
import { Clock } from '../../src/platform/clock/clock.js';
import {
  type Account,
  cookieOf,
  createKey,
  freshAddress,
  PASSWORD,
  registerOwner,
} from '../harness/accounts.js';
import { eventually, soon } from '../harness/eventually.js';
import { whileWritesWait } from '../harness/held-writes.js';
import { mailTo } from '../harness/mailbox.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const NEVER_ISSUED = 'A'.repeat(43);

let app: TestApp;
let api: TestApp;

beforeAll(async () => {
  app = await startTestApp();
  // A second instance, to see that what ends here ends there; it runs no jobs, so all mail is in one folder.
  api = await startTestApp({ database: app.database, env: { ROLE: 'api' } });
});
afterAll(async () => {
  await api.close();
  await app.close();
});
afterEach(() => jest.restoreAllMocks());

const someone = (): string => `member-${randomBytes(6).toString('hex')}@example.com`;
const invite = (by: Account, email: string, role: string) =>
  by.http.post('/v1/team/invitations', { email, role });
const tokenFor = async (email: string, subject = 'invited'): Promise<string> =>
  (await mailTo(app, email, subject)).token!;
const accept = (body: object, headers: Record<string, string> = {}) =>
  app.http.post('/v1/auth/accept-invitation', body, { from: freshAddress(), headers });

/** Somebody who was invited and has accepted. */
async function join(by: Account, role: string, email = someone()): Promise<Account> {
  const invited = await invite(by, email, role);
  if (invited.status !== 201) throw new Error(`invitation answered ${invited.status}: ${invited.text}`);
  const answer = await accept({ token: await tokenFor(email), name: 'Jamie Reyes', password: PASSWORD });
  if (answer.status !== 201) throw new Error(`acceptance answered ${answer.status}: ${answer.text}`);
  const { user, team, accessToken, csrfToken } = answer.json.data;
  const http = app.http.with({ authorization: `Bearer ${accessToken}` }, freshAddress());
  const cookie = cookieOf(answer.headers['set-cookie']);
  return { userId: user.id, teamId: team.id, email, accessToken, csrfToken, cookie, http };
}

const memberPath = (account: Account): string => `/v1/team/members/${account.userId}`;

const membershipAudit = (account: Account) =>
  app.database.sql(
    `SELECT action, old_values, new_values FROM audit_log WHERE team_id = $1 AND resource_type = 'membership' AND resource_id = $2 ORDER BY id`,
    [account.teamId, account.userId],
  );

describe('the team', () => {
  it('is read by every role and changed by owners and admins', async () => {
    const owner = await registerOwner(app.http);
    const viewer = await join(owner, 'viewer');
    const read = await viewer.http.get('/v1/team');
    expect(read.json.data).toMatchObject({
      id: owner.teamId,
      name: 'Harbor Realty',
      defaultRegion: 'US',
      version: 1,
    });
    expect(read.headers.etag).toBe('"v1"');
    expect((await viewer.http.patch('/v1/team', { name: 'Mine now' })).status).toBe(403);

    const patched = await owner.http.patch('/v1/team', { name: 'Bay Realty', defaultRegion: 'DE' });
    expect(patched.json.data).toMatchObject({ name: 'Bay Realty', defaultRegion: 'DE', version: 2 });
    const stale = await owner.http.patch('/v1/team', { name: 'Old' }, { headers: { 'if-match': '"v1"' } });
    expect(stale.status).toBe(412);
    expect((await owner.http.patch('/v1/team', { name: 'Bay Realty' })).status).toBe(200);
    const rows = await app.database.sql(
      `SELECT new_values FROM audit_log WHERE team_id = $1 AND resource_type = 'team' AND action = 'UPDATE'`,
      [owner.teamId],
    );
    expect(rows).toEqual([{ new_values: { name: 'Bay Realty', defaultRegion: 'DE' } }]);
  });

  it.each([
    [{ name: '' }],
    [{ name: null }],
    [{ defaultRegion: 'us' }],
    [{ defaultRegion: 'XX' }],
    [{ id: NEVER_ISSUED }],
    [{ version: 7 }],
  ])('refuses %j', async (body) => {
    const owner = await registerOwner(app.http);
    expect((await owner.http.patch('/v1/team', body)).status).toBe(400);
  });
});

describe('an invitation', () => {
  it('makes a new member with a confirmed address, once', async () => {
    const owner = await registerOwner(app.http);
    const email = someone();
    const invited = await invite(owner, email, 'agent');
    expect(invited.json.data).toMatchObject({
      email,
      role: 'agent',
      status: 'pending',
      invitedBy: owner.userId,
    });
    expect(invited.text).not.toMatch(/token/i);
    const token = await tokenFor(email);
    expect(invited.text).not.toContain(token);

    const names = Array.from({ length: 10 }, (_, n) => `Person ${n}`);
    const answers = await Promise.all(names.map((name) => accept({ token, name, password: PASSWORD })));
    const winner = answers.filter(({ status }) => status === 201);
    expect(winner).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(9);
    const { user, accessToken, team } = winner[0].json.data;
    expect(user.emailVerifiedAt).not.toBeNull();
    expect(team.id).toBe(owner.teamId);
    const me = await app.http.get('/v1/auth/me', { headers: { authorization: `Bearer ${accessToken}` } });
    expect(me.json.data).toMatchObject({ role: 'agent', user: { email } });
    expect((await owner.http.get('/v1/team/invitations')).json.data).toEqual([]);
    const login = await app.http.post(
      '/v1/auth/login',
      { email, password: PASSWORD },
      { from: freshAddress() },
    );
    expect(login.status).toBe(200);
  });

  it('for an address with an account needs that very account to be signed in', async () => {
    const owner = await registerOwner(app.http);
    const guest = await registerOwner(app.http);
    const stranger = await registerOwner(app.http);
    await invite(owner, guest.email.toUpperCase(), 'admin');
    const token = await tokenFor(guest.email.toUpperCase());

    const anonymous = await accept({ token, name: 'Eve', password: PASSWORD });
    expect([anonymous.status, anonymous.json.error.code]).toEqual([401, 'UNAUTHENTICATED']);
    const other = await accept({ token }, { authorization: `Bearer ${stranger.accessToken}` });
    expect(other.status).toBe(403);
    const right = await accept({ token }, { authorization: `Bearer ${guest.accessToken}` });
    expect(right.status).toBe(201);
    expect(right.json.data.team.id).toBe(owner.teamId);
    expect((await guest.http.get('/v1/auth/me')).json.data.team.id).toBe(guest.teamId);
  });

  it('accepted with an access token opens a session as fresh as that token, and remembers no browser', async () => {
    const owner = await registerOwner(app.http);
    const guest = await registerOwner(app.http);
    await invite(owner, guest.email, 'admin');
    const token = await tokenFor(guest.email);
    await app.database.sql(
      `UPDATE sessions SET authenticated_at = now() - interval '1 hour' WHERE user_id = $1`,
      [guest.userId],
    );
    const joined = await accept({ token }, { authorization: `Bearer ${guest.accessToken}` });
    expect(joined.status).toBe(201);
    expect(cookieOf(joined.headers['set-cookie'], 'latchkey_device')).toBe('');
    const http = app.http.with({ authorization: `Bearer ${joined.json.data.accessToken}` }, freshAddress());
    const key = { name: 'Test key', scopes: ['clients:read'] };
    const refused = await http.post('/v1/api-keys', key);
    expect([refused.status, refused.json.error.code]).toEqual([403, 'STEP_UP_REQUIRED']);
    expect((await http.post('/v1/auth/step-up', { password: PASSWORD })).status).toBe(200);
    expect((await http.post('/v1/api-keys', key)).status).toBe(201);
  });

  it('opens nothing for a session that ended a moment ago, even where that is not known yet', async () => {
    const owner = await registerOwner(app.http);
    const guest = await registerOwner(app.http);
    await invite(owner, guest.email, 'agent');
    const token = await tokenFor(guest.email);
    expect((await guest.http.get('/v1/auth/me')).status).toBe(200);
    // No notice reaches the instances, so that they still believe what they cached.
    await app.database.sql('ALTER TABLE sessions DISABLE TRIGGER sessions_tell_instances');
    await app.database.sql('UPDATE sessions SET revoked_at = now() WHERE user_id = $1', [guest.userId]);
    await app.database.sql('ALTER TABLE sessions ENABLE TRIGGER sessions_tell_instances');
    expect((await guest.http.get('/v1/auth/me')).status).toBe(200);
    const late = await accept({ token }, { authorization: `Bearer ${guest.accessToken}` });
    expect([late.status, late.json.error.code]).toEqual([409, 'CONFLICT']);
    const opened = await app.database.sql('SELECT 1 FROM sessions WHERE user_id = $1 AND team_id = $2', [
      guest.userId,
      owner.teamId,
    ]);
    expect(opened).toEqual([]);
  });

  it('gives nobody a role above that of who invites', async () => {
    const owner = await registerOwner(app.http);
    const admin = await join(owner, 'admin');
    expect((await invite(admin, someone(), 'owner')).status).toBe(403);
    expect((await invite(admin, someone(), 'admin')).status).toBe(201);
    const agent = await join(owner, 'agent');
    expect((await invite(agent, someone(), 'viewer')).status).toBe(403);
  });

  it('is refused for members and for people who are invited already', async () => {
    const owner = await registerOwner(app.http);
    const agent = await join(owner, 'agent');
    const again = await invite(owner, agent.email.toUpperCase(), 'agent');
    expect([again.status, again.json.error.code, again.json.error.details]).toEqual([
      409,
      'DUPLICATE',
      [{ field: 'id', message: agent.userId }],
    ]);
    const email = someone();
    const answers = await Promise.all(Array.from({ length: 5 }, () => invite(owner, email, 'agent')));
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([201, 409, 409, 409, 409]);
  });

  it('ends after seven days and then makes way for a new one', async () => {
    const owner = await registerOwner(app.http);
    const email = someone();
    await invite(owner, email, 'agent');
    const token = await tokenFor(email);
    jest.spyOn(app.app.get(Clock), 'nowMs').mockImplementation(() => Date.now() + 7 * 86_400_000 + 1000);
    expect((await accept({ token, name: 'Late', password: PASSWORD })).status).toBe(400);
    expect((await owner.http.get('/v1/team/invitations')).json.data).toMatchObject([
      { email, status: 'expired' },
    ]);
    expect((await invite(owner, email, 'viewer')).status).toBe(201);
    expect((await owner.http.get('/v1/team/invitations')).json.data).toMatchObject([
      { email, role: 'viewer', status: 'pending' },
    ]);
  });

  it('opens nothing when it was withdrawn, never was, or is no text', async () => {
    const owner = await registerOwner(app.http);
    const email = someone();
    const { id } = (await invite(owner, email, 'agent')).json.data;
    const token = await tokenFor(email);
    const other = await registerOwner(app.http);
    expect((await other.http.delete(`/v1/team/invitations/${id}`)).status).toBe(404);
    expect((await owner.http.delete(`/v1/team/invitations/${id}`)).status).toBe(200);
    for (const bad of [token, NEVER_ISSUED, 'x']) {
      const answer = await accept({ token: bad, name: 'Eve', password: PASSWORD });
      expect([answer.status, answer.json.error.details[0].field]).toEqual([400, 'token']);
    }
    for (const bad of [null, 1, { $ne: '' }, ['a']]) {
      expect((await accept({ token: bad, name: 'Eve', password: PASSWORD })).status).toBe(400);
    }
  });

  it('needs an acceptable password and a name, and stays good meanwhile', async () => {
    const owner = await registerOwner(app.http);
    const email = someone();
    await invite(owner, email, 'agent');
    const token = await tokenFor(email);
    const fieldOf = async (body: object) => (await accept({ token, ...body })).json.error.details[0].field;
    expect(await fieldOf({ name: 'Jamie' })).toBe('password');
    expect(await fieldOf({ password: PASSWORD })).toBe('name');
    expect(await fieldOf({ name: 'Jamie', password: 'short' })).toBe('password');
    expect((await accept({ token, name: 'Jamie', password: PASSWORD })).status).toBe(201);
  });

  it('keeps address and token out of the audit log and the log', async () => {
    const owner = await registerOwner(app.http);
    const email = someone();
    await invite(owner, email, 'agent');
    const token = await tokenFor(email);
    const rows = await app.database.sql('SELECT a::text AS row FROM audit_log a WHERE team_id = $1', [
      owner.teamId,
    ]);
    const text = rows.map(({ row }) => row).join('\n') + app.logged();
    expect(text).not.toContain(email);
    expect(text).not.toContain(token);
  });
});

describe('where registration is', () => {
  const settings = [
    ['open', 201, 201],
    ['invite', 403, 201],
    ['closed', 403, 403],
  ] as const;
  it.each(settings)(
    '%s, registering answers %i and accepting as a new person %i',
    async (mode, register, accepting) => {
      const owner = await registerOwner(app.http);
      const email = someone();
      await invite(owner, email, 'agent');
      const token = await tokenFor(email);
      const instance = await startTestApp({
        database: app.database,
        env: { REGISTRATION: mode, ROLE: 'api' },
      });
      try {
        const registered = await instance.http.post(
          '/v1/auth/register',
          { email: someone(), password: PASSWORD, name: 'New', teamName: 'New Team' },
          { from: freshAddress() },
        );
        expect(registered.status).toBe(register);
        const accepted = await instance.http.post(
          '/v1/auth/accept-invitation',
          { token, name: 'Jamie', password: PASSWORD },
          { from: freshAddress() },
        );
        expect(accepted.status).toBe(accepting);
      } finally {
        await instance.close();
      }
    },
  );
});

describe('members', () => {
  it('are listed page by page, for their own team only', async () => {
    const owner = await registerOwner(app.http);
    const others = [await join(owner, 'admin'), await join(owner, 'agent')];
    const first = await owner.http.get('/v1/team/members?limit=2');
    expect(first.json.data).toHaveLength(2);
    const second = await owner.http.get(`/v1/team/members?limit=2&cursor=${first.json.meta.nextCursor}`);
    const ids = [...first.json.data, ...second.json.data].map(({ userId }: { userId: string }) => userId);
    expect(ids).toEqual([owner, ...others].map(({ userId }) => userId).sort((a, b) => (a < b ? -1 : 1)));
    expect(second.json.meta.nextCursor).toBeNull();
    const stranger = await registerOwner(app.http);
    const foreign = await stranger.http.get(`/v1/team/members?cursor=${first.json.meta.nextCursor}`);
    expect([foreign.status, foreign.json.error.code]).toEqual([400, 'INVALID_CURSOR']);
    expect((await stranger.http.get('/v1/team/members')).json.data).toHaveLength(1);
  });

  it('get another role, at once: the old token is refused on every instance, a refresh brings the new role', async () => {
    const owner = await registerOwner(app.http);
    const agent = await join(owner, 'agent');
    const there = api.http.with({ authorization: `Bearer ${agent.accessToken}` });
    expect((await there.get('/v1/auth/me')).status).toBe(200);
    const changed = await owner.http.patch(`/v1/team/members/${agent.userId}`, { role: 'viewer' });
    expect(changed.json.data).toMatchObject({ userId: agent.userId, role: 'viewer', version: 2 });
    await soon(async () => expect((await there.get('/v1/auth/me')).status).toBe(401));
    const refreshed = await app.http.post('/v1/auth/refresh', undefined, {
      headers: { cookie: agent.cookie, 'x-csrf-token': agent.csrfToken },
    });
    expect(refreshed.text).toContain('accessToken');
    const token = refreshed.json.data.accessToken;
    const me = await app.http.get('/v1/auth/me', { headers: { authorization: `Bearer ${token}` } });
    expect(me.json.data.role).toBe('viewer');
    expect((await membershipAudit(agent)).at(-1)).toEqual({
      action: 'UPDATE',
      old_values: { role: 'agent' },
      new_values: { role: 'viewer' },
    });
  });

  it('change roles only from a session that proved itself lately', async () => {
    const owner = await registerOwner(app.http);
    const agent = await join(owner, 'agent');
    jest.spyOn(app.app.get(Clock), 'nowMs').mockImplementation(() => Date.now() + 11 * 60_000);
    const refused = await owner.http.patch(`/v1/team/members/${agent.userId}`, { role: 'viewer' });
    expect([refused.status, refused.json.error.code]).toEqual([403, 'STEP_UP_REQUIRED']);
  });

  it('cannot raise, lower or remove whoever is above them', async () => {
    const owner = await registerOwner(app.http);
    const admin = await join(owner, 'admin');
    const agent = await join(owner, 'agent');
    expect((await admin.http.patch(memberPath(agent), { role: 'owner' })).status).toBe(403);
    expect((await admin.http.patch(memberPath(admin), { role: 'owner' })).status).toBe(403);
    expect((await admin.http.patch(memberPath(owner), { role: 'viewer' })).status).toBe(403);
    expect((await admin.http.delete(memberPath(owner))).status).toBe(403);
    expect((await agent.http.patch(memberPath(agent), { role: 'admin' })).status).toBe(403);
    expect((await agent.http.delete(memberPath(admin))).status).toBe(403);
    const viewer = await join(owner, 'viewer');
    expect((await agent.http.delete(memberPath(viewer))).status).toBe(403);
    expect((await admin.http.patch(memberPath(agent), { role: 'admin' })).status).toBe(200);
  });

  it('of another team are as if they did not exist', async () => {
    const owner = await registerOwner(app.http);
    const stranger = await registerOwner(app.http);
    const none = '018f0000-0000-7000-8000-000000000000';
    for (const id of [stranger.userId, none]) {
      expect((await owner.http.patch(`/v1/team/members/${id}`, { role: 'agent' })).status).toBe(404);
      expect((await owner.http.delete(`/v1/team/members/${id}`)).status).toBe(404);
    }
    expect((await stranger.http.get('/v1/auth/me')).status).toBe(200);
  });

  it('lose sessions and keys at once on every instance when they are removed; their records stay', async () => {
    const owner = await registerOwner(app.http);
    const agent = await join(owner, 'agent');
    const key = await createKey(agent, ['clients:read']);
    const client = await agent.http.post('/v1/clients', { firstName: 'Sam', ownerId: agent.userId });
    expect(client.status).toBe(201);
    const there = api.http.with({ authorization: `Bearer ${agent.accessToken}` });
    const keyThere = api.http.with({ 'x-api-key': key.key });
    expect([(await there.get('/v1/auth/me')).status, (await keyThere.get('/v1/clients')).status]).toEqual([
      200, 200,
    ]);

    const removed = await owner.http.delete(`/v1/team/members/${agent.userId}`);
    expect(removed.json.data).toEqual({ userId: agent.userId, removed: true });
    await soon(async () => {
      expect((await there.get('/v1/auth/me')).status).toBe(401);
      expect((await keyThere.get('/v1/clients')).status).toBe(401);
    });
    const refresh = await app.http.post('/v1/auth/refresh', undefined, {
      headers: { cookie: agent.cookie, 'x-csrf-token': agent.csrfToken },
    });
    expect(refresh.status).toBe(401);
    const kept = await owner.http.get(`/v1/clients/${client.json.data.id}`);
    expect(kept.json.data.ownerId).toBeNull();
    const rows = await app.database.sql(
      `SELECT resource_type, action FROM audit_log WHERE team_id = $1 AND resource_id = ANY ($2::uuid[]) AND action = 'DELETE' ORDER BY 1`,
      [owner.teamId, [agent.userId, key.id]],
    );
    expect(rows.map((row) => row.resource_type)).toEqual(['api_key', 'membership']);
  });

  it('that are removed leave their records by changes that each record tells of, however many', async () => {
    const owner = await registerOwner(app.http);
    const agent = await join(owner, 'agent');
    const body = { firstName: 'Sam', ownerId: agent.userId };
    const [live, archived] = [
      await owner.http.post('/v1/clients', body),
      await owner.http.post('/v1/clients', body),
    ].map(({ json }) => `/v1/clients/${json.data.id}`);
    await owner.http.delete(archived);
    const { etag } = (await owner.http.get(live)).headers;
    await app.database.sql(
      `INSERT INTO appointments (team_id, id, sealed, starts_at, ends_at, type, status, owner_id, version, created_at, updated_at)
       SELECT $1, gen_random_uuid(), '', now(), now() + interval '1 hour', 'showing', 'scheduled', $2, 1, now(), now()
       FROM generate_series(1, 1100)`,
      [owner.teamId, agent.userId],
    );
    expect((await owner.http.delete(memberPath(agent))).status).toBe(200);
    const told = await app.database.sql(
      `SELECT resource_type, count(DISTINCT resource_id)::int FROM audit_log WHERE team_id = $1 AND user_id = $2 AND action = 'UPDATE'
         AND old_values = jsonb_build_object('ownerId', $3::text) AND new_values = '{"ownerId": null}' GROUP BY 1 ORDER BY 1`,
      [owner.teamId, owner.userId, agent.userId],
    );
    expect(told).toEqual([
      { resource_type: 'appointment', count: 1100 },
      { resource_type: 'client', count: 2 },
    ]);
    const stale = await owner.http.patch(live, { notes: 'x' }, { headers: { 'if-match': etag as string } });
    expect(stale.status).toBe(412);
    const restored = await owner.http.post(`${archived}/restore`, { allowDuplicate: true });
    expect(restored.json.data.ownerId).toBeNull();
  });

  it('cannot be removed past a table with an owner that nobody thought of', async () => {
    const [{ names }] = await app.database.sql(
      `SELECT array_agg(conrelid::regclass::text) AS names FROM pg_constraint
       WHERE contype = 'f' AND confrelid = 'memberships'::regclass AND confdeltype = 'n' AND conrelid <> 'invitations'::regclass`,
    );
    expect(new Set(names as string[])).toEqual(new Set(Object.keys(OWNED)));
  });

  it('that are removed take their open invitations along', async () => {
    const owner = await registerOwner(app.http);
    const admin = await join(owner, 'admin');
    const email = someone();
    await invite(admin, email, 'admin');
    const token = await tokenFor(email);
    expect((await owner.http.delete(`/v1/team/members/${admin.userId}`)).status).toBe(200);
    expect((await accept({ token, name: 'Eve', password: PASSWORD })).status).toBe(400);
  });

  it('that are lowered take the invitations above their new role along', async () => {
    const owner = await registerOwner(app.http);
    const admin = await join(owner, 'admin');
    await invite(admin, someone(), 'admin');
    await invite(admin, someone(), 'viewer');
    expect((await owner.http.patch(`/v1/team/members/${admin.userId}`, { role: 'agent' })).status).toBe(200);
    const left = await owner.http.get('/v1/team/invitations');
    expect(left.json.data.map(({ role }: { role: string }) => role)).toEqual(['viewer']);
  });

  it('take along more invitations than a page holds', async () => {
    const owner = await registerOwner(app.http);
    const admin = await join(owner, 'admin');
    await app.database.sql(
      `INSERT INTO invitations (team_id, id, email, email_key, role, token_hash, invited_by, expires_at, version, created_at, updated_at)
       SELECT $1, gen_random_uuid(), n || '@example.com', n || '@example.com', 'admin', sha256(n::text::bytea), $2, now() + interval '1 day', 1, now(), now()
       FROM generate_series(1, 120) n`,
      [owner.teamId, admin.userId],
    );
    expect((await owner.http.delete(memberPath(admin))).status).toBe(200);
    expect((await owner.http.get('/v1/team/invitations')).json.data).toEqual([]);
  });

  it.each([
    ['left', 'DELETE FROM memberships WHERE user_id = $1'],
    ['stand lower now', `UPDATE memberships SET role = 'agent' WHERE user_id = $1`],
    ['may not sign in', 'UPDATE users SET disabled_at = now() WHERE id = $1'],
  ])('who %s open nothing with an invitation that slipped through', async (_, sql) => {
    const owner = await registerOwner(app.http);
    const admin = await join(owner, 'admin');
    const email = someone();
    await invite(admin, email, 'admin');
    const token = await tokenFor(email);
    await app.database.sql(sql, [admin.userId]);
    expect((await accept({ token, name: 'Jamie Reyes', password: PASSWORD })).status).toBe(400);
  });

  it('may leave in any role, but not the last owner', async () => {
    const owner = await registerOwner(app.http);
    const viewer = await join(owner, 'viewer');
    expect((await viewer.http.delete(`/v1/team/members/${viewer.userId}`)).status).toBe(200);
    const path = `/v1/team/members/${owner.userId}`;
    const answers = [await owner.http.delete(path), await owner.http.patch(path, { role: 'admin' })];
    expect(answers.map(({ status, json }) => [status, json.error.code])).toEqual([
      [409, 'CONFLICT'],
      [409, 'CONFLICT'],
    ]);
  });

  it('who own the team together cannot leave it without an owner by acting at the same moment', async () => {
    const first = await registerOwner(app.http);
    const second = await join(first, 'owner');
    const answers = await whileWritesWait(app, 'memberships', [
      () => first.http.delete(`/v1/team/members/${first.userId}`),
      () => second.http.patch(`/v1/team/members/${second.userId}`, { role: 'agent' }),
    ]);
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, 409]);
    const owners = await app.database.sql(
      `SELECT count(*)::int FROM memberships WHERE team_id = $1 AND role = 'owner'`,
      [first.teamId],
    );
    expect(owners).toEqual([{ count: 1 }]);
  });

  it('that were removed from their only team come back by invitation and password', async () => {
    const owner = await registerOwner(app.http);
    const agent = await join(owner, 'agent');
    await owner.http.delete(`/v1/team/members/${agent.userId}`);
    await invite(owner, agent.email, 'viewer');
    // The first invitation is in the folder as well, so the newest mail is read until it opens.
    let token = '';
    await eventually(async () => {
      token = await tokenFor(agent.email);
      expect((await accept({ token })).status).toBe(401);
    });
    expect((await accept({ token, password: 'a wrong but long passphrase' })).status).toBe(401);
    const back = await accept({ token, password: PASSWORD });
    expect(back.status).toBe(201);
    expect(back.json.data.user.id).toBe(agent.userId);
  });

  it('cannot be changed with an API key', async () => {
    const owner = await registerOwner(app.http);
    const agent = await join(owner, 'agent');
    const { http } = await createKey(owner, ['clients:read']);
    for (const answer of [
      await http.get('/v1/team/members'),
      await http.patch(`/v1/team/members/${agent.userId}`, { role: 'viewer' }),
      await http.delete(`/v1/team/members/${agent.userId}`),
      await http.delete(`/v1/team/members/${owner.userId}`),
      await http.post('/v1/team/invitations', { email: someone(), role: 'viewer' }),
    ]) {
      expect(answer.status).toBe(403);
    }
  });
});

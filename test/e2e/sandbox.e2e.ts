import { type Account, createKey, registerOwner } from '../harness/accounts.js';
import { soon } from '../harness/eventually.js';
import { addMember, changeRole } from '../harness/members.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const SCOPES = ['clients:read', 'clients:write', 'clients:delete', 'clients:pii', 'audit:read'];
const ROBIN = {
  firstName: 'Robin',
  lastName: 'Vale',
  email: 'robin.vale@example.com',
  phone: '(555) 010-0199',
};

describe('the sandbox of a team', () => {
  let app: TestApp;
  let owner: Account;

  beforeAll(async () => {
    app = await startTestApp();
    owner = await registerOwner(app.http);
  });
  afterAll(() => app.close());

  it('test keys start with lk_test_ and know their real team', async () => {
    const key = await createKey(owner, SCOPES, { environment: 'test' });
    expect(key.key).toMatch(/^lk_test_/);
    const me = await key.http.get('/v1/auth/me');
    expect(me.json.data).toMatchObject({
      team: { id: owner.teamId },
      user: { id: owner.userId },
      role: 'owner',
    });
    expect((await owner.http.get(`/v1/api-keys/${key.id}`)).json.data.environment).toBe('test');
  });

  it('what a test key makes, live callers never see, and the other way round', async () => {
    const test = await createKey(owner, SCOPES, { environment: 'test' });
    const live = await createKey(owner, SCOPES);
    const testClient = (await test.http.post('/v1/clients', ROBIN)).json.data;
    // The same person twice is no duplicate: the two worlds do not know of each other.
    const liveAnswer = await live.http.post('/v1/clients', ROBIN);
    expect(liveAnswer.status).toBe(201);
    const liveClient = liveAnswer.json.data;
    for (const [reader, own, foreign] of [
      [test.http, testClient, liveClient],
      [live.http, liveClient, testClient],
      [owner.http, liveClient, testClient],
    ]) {
      const ids = (await reader.get('/v1/clients')).json.data.map((client: { id: string }) => client.id);
      expect([ids.includes(own.id), ids.includes(foreign.id)]).toEqual([true, false]);
      const found = await reader.get(`/v1/clients?email=${encodeURIComponent(ROBIN.email)}`);
      expect(found.json.data.map((client: { id: string }) => client.id)).toEqual([own.id]);
      expect((await reader.get(`/v1/clients/${foreign.id}`)).status).toBe(404);
      expect((await reader.patch(`/v1/clients/${foreign.id}`, { status: 'inactive' })).status).toBe(404);
      expect((await reader.delete(`/v1/clients/${foreign.id}`)).status).toBe(404);
      const log = await reader.get(`/v1/audit-log?resourceId=${foreign.id}`);
      expect(log.json.data).toEqual([]);
      expect((await reader.get(`/v1/audit-log?resourceId=${own.id}`)).json.data).toHaveLength(1);
    }
  });

  it('test records of a member who is removed lose their owner by a change of their own', async () => {
    const team = await registerOwner(app.http);
    const agent = await addMember(app, team, 'agent');
    const kinds = ['clients', 'leads'];
    const scopes = [
      'audit:read',
      ...kinds.flatMap((kind) => [`${kind}:read`, `${kind}:write`, `${kind}:delete`]),
    ];
    const test = await createKey(team, scopes, { environment: 'test' });
    const ids: string[] = [];
    for (const kind of kinds) {
      for (let n = 0; n < 2; n++) {
        const made = await test.http.post(`/v1/${kind}`, { firstName: `Robin ${n}`, ownerId: agent.userId });
        expect([made.status, made.json.data.ownerId]).toEqual([201, agent.userId]);
        ids.push(made.json.data.id);
      }
    }
    expect((await test.http.delete(`/v1/clients/${ids[0]}`)).status).toBe(200);
    const kept = await test.http.post('/v1/clients', { firstName: 'Kept', ownerId: team.userId });
    expect((await team.http.delete(`/v1/team/members/${agent.userId}`)).status).toBe(200);

    for (const [n, id] of ids.entries()) {
      const rows = (await test.http.get(`/v1/audit-log?resourceId=${id}&action=UPDATE`)).json.data;
      expect(rows).toMatchObject([
        { userId: team.userId, oldValues: { ownerId: agent.userId }, newValues: { ownerId: null } },
      ]);
      const record = await test.http.get(`/v1/${kinds[Math.floor(n / 2)]}/${id}`);
      expect(record.status).toBe(n === 0 ? 404 : 200);
      if (n > 0) expect(record.json.data).toMatchObject({ ownerId: null, version: 2 });
    }
    expect((await test.http.get(`/v1/clients/${kept.json.data.id}`)).json.data.version).toBe(1);
    const dangling = await app.database.sql(
      `SELECT r.id FROM (SELECT team_id, id, owner_id FROM clients UNION ALL SELECT team_id, id, owner_id FROM leads) r
       WHERE r.owner_id IS NOT NULL AND NOT EXISTS (
         SELECT FROM memberships m WHERE m.team_id = r.team_id AND m.user_id = r.owner_id)`,
    );
    expect(dangling).toEqual([]);
    const [{ n: unrecorded }] = await app.database.sql(
      `SELECT count(*)::int AS n FROM clients c WHERE c.id = ANY ($1) AND c.version > 1 + (
         SELECT count(*) FROM audit_log a WHERE a.resource_id = c.id AND a.action IN ('UPDATE', 'DELETE'))`,
      [ids],
    );
    expect(unrecorded).toBe(0);
  });

  it('the same Idempotency-Key means two things in the two worlds', async () => {
    const test = await createKey(owner, SCOPES, { environment: 'test' });
    const headers = { 'idempotency-key': 'one-and-the-same', 'content-type': 'application/json' };
    const body = { firstName: 'Casey', lastName: 'Lee' };
    const [inSandbox, inTeam] = [
      await test.http.post('/v1/clients', body, { headers: { ...headers, 'x-api-key': test.key } }),
      await owner.http.post('/v1/clients', body, {
        headers: { ...headers, authorization: `Bearer ${owner.accessToken}` },
      }),
    ];
    expect([inSandbox.status, inTeam.status]).toEqual([201, 201]);
    expect(inSandbox.json.data.id).not.toBe(inTeam.json.data.id);
  });

  it('all test keys of a team share one sandbox, also when the first two are made at once; teams do not', async () => {
    const fresh = await registerOwner(app.http);
    const keys = await Promise.all(
      [1, 2, 3, 4, 5, 6, 7, 8].map(() => createKey(fresh, SCOPES, { environment: 'test' })),
    );
    const made = (await keys[0].http.post('/v1/clients', ROBIN)).json.data;
    expect((await keys[2].http.get(`/v1/clients/${made.id}`)).status).toBe(200);
    const foreign = await createKey(owner, SCOPES, { environment: 'test' });
    expect((await foreign.http.get(`/v1/clients/${made.id}`)).status).toBe(404);
    const sandboxes = await app.database.sql('SELECT id FROM teams WHERE sandbox_of = $1', [fresh.teamId]);
    expect(sandboxes).toHaveLength(1);
    const audit = await app.database.sql(
      `SELECT team_id FROM audit_log WHERE resource_type = 'sandbox' AND resource_id = $1`,
      [sandboxes[0].id],
    );
    expect(audit).toEqual([{ team_id: fresh.teamId }]);
  });

  it('rotation keeps a test key in the sandbox', async () => {
    const key = await createKey(owner, SCOPES, { environment: 'test' });
    const rotated = await owner.http.post(`/v1/api-keys/${key.id}/rotate`, { overlapHours: 1 });
    expect(rotated.json.data.key).toMatch(/^lk_test_/);
    const made = (await key.http.post('/v1/clients', { firstName: 'Drew', lastName: 'Fox' })).json.data;
    const next = app.http.with({ 'x-api-key': rotated.json.data.key });
    expect((await next.get(`/v1/clients/${made.id}`)).status).toBe(200);
  });

  it('members own sandbox records too, whether they joined before or after it was made', async () => {
    const fresh = await registerOwner(app.http);
    const early = await addMember(app, fresh, 'agent');
    const key = await createKey(fresh, SCOPES, { environment: 'test' });
    const late = await addMember(app, fresh, 'agent');
    for (const ownerId of [early.userId, late.userId, fresh.userId]) {
      const made = await key.http.post('/v1/clients', { firstName: 'Kim', lastName: 'Roe', ownerId });
      expect([made.status, made.json.data?.ownerId]).toEqual([201, ownerId]);
    }
    const stranger = await registerOwner(app.http);
    const refused = await key.http.post('/v1/clients', {
      firstName: 'Kim',
      lastName: 'Roe',
      ownerId: stranger.userId,
    });
    expect(refused.status).toBe(404);
  });

  it('the real role bounds a test key; a removed member’s test keys end', async () => {
    const admin = await addMember(app, owner, 'admin');
    const key = await createKey(admin, SCOPES, { environment: 'test' });
    expect((await key.http.post('/v1/clients', ROBIN)).status).not.toBe(403);
    await changeRole(app, admin, 'viewer');
    await soon(async () => expect((await key.http.post('/v1/clients', ROBIN)).status).toBe(403));
    await app.database.sql(
      `WITH gone AS (DELETE FROM memberships WHERE user_id = $1 AND team_id = $2)
       SELECT pg_notify('latchkey_invalidate', 'user:' || $1)`,
      [admin.userId, owner.teamId],
    );
    await soon(async () => expect((await key.http.get('/v1/clients')).status).toBe(401));
    const left = await app.database.sql('SELECT team_id FROM memberships WHERE user_id = $1', [admin.userId]);
    expect(left).toEqual([]);
  });

  it('follows what the team routes do to members, as the application’s own role', async () => {
    const fresh = await registerOwner(app.http);
    const agent = await addMember(app, fresh, 'agent');
    const key = await createKey(agent, ['clients:read'], { environment: 'test' });
    expect((await key.http.get('/v1/clients')).status).toBe(200);
    const mirrored = () =>
      app.database.sql('SELECT role FROM memberships WHERE user_id = $1 AND sandbox', [agent.userId]);
    const member = `/v1/team/members/${agent.userId}`;
    expect((await fresh.http.patch(member, { role: 'viewer' })).status).toBe(200);
    expect(await mirrored()).toEqual([{ role: 'viewer' }]);
    expect((await fresh.http.delete(member)).status).toBe(200);
    expect(await mirrored()).toEqual([]);
    await soon(async () => expect((await key.http.get('/v1/clients')).status).toBe(401));
  });

  it('nobody signs in to a sandbox', async () => {
    const person = await registerOwner(app.http);
    await createKey(person, SCOPES, { environment: 'test' });
    // Even when the mirrored membership is all that is left.
    await app.database.sql('ALTER TABLE memberships DISABLE TRIGGER memberships_mirror');
    await app.database.sql('DELETE FROM memberships WHERE user_id = $1 AND NOT sandbox', [person.userId]);
    await app.database.sql('ALTER TABLE memberships ENABLE TRIGGER memberships_mirror');
    const rows = await app.database.sql('SELECT sandbox FROM memberships WHERE user_id = $1', [
      person.userId,
    ]);
    expect(rows).toEqual([{ sandbox: true }]);
    const { email } = person;
    const login = await app.http.post(
      '/v1/auth/login',
      { email, password: 'a plain but long passphrase' },
      { from: '127.99.0.1' },
    );
    expect(login.status).toBe(401);
  });

  it('a test key whose sandbox is missing is no key: it never falls back to the live team', async () => {
    const key = await createKey(owner, SCOPES);
    await app.database.sql(`UPDATE api_keys SET environment = 'test' WHERE id = $1`, [key.id]);
    await app.database.sql('UPDATE teams SET sandbox_of = NULL WHERE sandbox_of = $1', [owner.teamId]);
    expect((await key.http.get('/v1/clients')).status).toBe(401);
  });
});

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Config } from '../../src/platform/config/config.js';
import { setPlatformAdmin } from '../../src/identity/platform-admins/platform-grant.js';
import { type Account, registerOwner } from '../harness/accounts.js';
import { moveClock } from '../harness/clock.js';
import type { HttpClient } from '../harness/http-client.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const MINUTE_MS = 60_000;
const REASON = 'Ticket 4711: missing client';

describe('break-glass', () => {
  let app: TestApp;
  let admin: Account;
  let team: Account;
  let clientId: string;

  beforeAll(async () => {
    app = await startTestApp();
    admin = await registerOwner(app.http);
    team = await registerOwner(app.http, { teamName: 'Lakeside Homes' });
    await app.database.sql('UPDATE users SET two_factor_enabled_at = now() WHERE id = $1', [admin.userId]);
    await setPlatformAdmin(app.database.ownerUrl, admin.email, 'grant');
    await soon(async () => (await admin.http.get('/v1/platform/security-events')).status === 200);
    const created = await team.http.post('/v1/clients', {
      firstName: 'Jordan',
      lastName: 'Rivera',
      email: 'jordan@example.com',
    });
    clientId = created.json.data.id;
  });
  beforeEach(() => moveClock(app, 0));
  afterAll(() => app.close());

  const open = (fields: object = {}) =>
    admin.http.post('/v1/platform/break-glass', { teamId: team.teamId, reason: REASON, ...fields });
  const inside = async (fields: object = {}): Promise<HttpClient> => {
    const answer = await open(fields);
    expect(answer.status).toBe(201);
    return admin.http.with({ authorization: `Bearer ${answer.json.data.accessToken}` });
  };

  it('opens a team for 30 minutes with a token that names the actor', async () => {
    const answer = await open();
    expect(answer.json.data).toMatchObject({ expiresIn: 1800, write: false, pii: false });
    const claims = JSON.parse(
      Buffer.from(answer.json.data.accessToken.split('.')[1], 'base64url').toString(),
    );
    expect(claims).toMatchObject({ team: team.teamId, act: { sub: admin.userId } });
    expect(claims.exp - claims.iat).toBe(1800);
    const http = admin.http.with({ authorization: `Bearer ${answer.json.data.accessToken}` });
    expect((await http.get(`/v1/clients/${clientId}`)).status).toBe(200);
    moveClock(app, 31 * MINUTE_MS);
    expect((await http.get(`/v1/clients/${clientId}`)).status).toBe(401);
    expect(answer.headers['set-cookie']).toBeUndefined();
  });

  it('reads masked and changes nothing unless asked', async () => {
    const http = await inside();
    const seen = await http.get(`/v1/clients/${clientId}`);
    expect(seen.json.data).toMatchObject({ lastName: 'R.', email: 'jo***@example.com' });
    for (const refused of [
      await http.patch(`/v1/clients/${clientId}`, { status: 'inactive' }),
      await http.post('/v1/clients', { firstName: 'New' }),
      await http.delete(`/v1/clients/${clientId}`),
    ])
      expect([refused.status, refused.json.error.code]).toEqual([403, 'INSUFFICIENT_SCOPE']);
  });

  it('shows personal data, or changes records, only when that was asked for', async () => {
    const reading = await inside({ pii: true });
    expect((await reading.get(`/v1/clients/${clientId}`)).json.data.email).toBe('jordan@example.com');
    expect((await reading.patch(`/v1/clients/${clientId}`, { notes: 'x' })).status).toBe(403);
    const writing = await inside({ write: true });
    expect((await writing.patch(`/v1/clients/${clientId}`, { notes: 'Looked into' })).status).toBe(200);
    expect((await writing.get(`/v1/clients/${clientId}`)).json.data.email).toBe('jo***@example.com');
  });

  it.each([
    ['GET', '/v1/api-keys'],
    ['POST', '/v1/api-keys'],
    ['GET', '/v1/auth/sessions'],
    ['GET', '/v1/auth/me'],
    ['POST', '/v1/auth/2fa/setup'],
    ['GET', '/v1/audit-log/export?format=ndjson'],
    ['POST', '/v1/platform/break-glass'],
    ['GET', '/v1/platform/security-events'],
    ['GET', '/v1/ip-blocks'],
  ])('never reaches keys, sessions, exports or the platform: %s %s', async (method, path) => {
    const http = await inside({ write: true, pii: true });
    const answer = await http.send(method, path, { body: method === 'POST' ? {} : undefined });
    expect(answer.status).toBe(403);
  });

  it('cannot be refreshed', async () => {
    const http = await inside();
    expect((await http.post('/v1/auth/refresh')).status).toBeGreaterThanOrEqual(401);
  });

  it("every request is in the team's own audit log, reads and refusals too", async () => {
    const http = await inside();
    const read = await http.get('/v1/clients?limit=3');
    const refused = await http.post('/v1/clients', { firstName: 'New' });
    for (const [answer, method] of [
      [read, 'GET'],
      [refused, 'POST'],
    ] as const) {
      const rows = await team.http.get(`/v1/audit-log?requestId=${String(answer.headers['x-request-id'])}`);
      expect(rows.json.data).toEqual([
        expect.objectContaining({
          resourceType: 'break_glass_request',
          authMethod: 'break_glass',
          userId: admin.userId,
          newValues: { method, path: '/v1/clients' },
        }),
      ]);
    }
  });

  it("leaves no more of an endless path in the team's log than paths of ours could have", async () => {
    const answer = await (await inside()).get(`/v1/clients/${'a'.repeat(3000)}`);
    expect(answer.status).toBe(400);
    const rows = await team.http.get(`/v1/audit-log?requestId=${String(answer.headers['x-request-id'])}`);
    expect(rows.json.data[0].newValues.path).toHaveLength(512);
  });

  it('tells the team: audit row, critical event, and a mail to its owners with the reason', async () => {
    const answer = await open({ pii: true });
    const requestId = String(answer.headers['x-request-id']);
    const rows = (await team.http.get(`/v1/audit-log?requestId=${requestId}`)).json.data;
    expect(rows).toEqual([
      expect.objectContaining({
        resourceType: 'break_glass',
        newValues: expect.objectContaining({ reason: REASON, write: false, pii: true }),
      }),
    ]);
    await soon(async () => {
      const events = await team.http.get('/v1/security-events?type=break_glass&severity=critical');
      return events.json.data.some((event: any) => event.requestId === requestId);
    });
    const folder = join(app.app.get(Config).dataDir, 'mail');
    await soon(async () =>
      (existsSync(folder) ? readdirSync(folder) : [])
        .filter((name) => name.includes('break-glass'))
        .some((name) => {
          const text = readFileSync(join(folder, name), 'utf8');
          return text.includes(team.email) && text.replaceAll('=\n', '').includes('Ticket 4711');
        }),
    );
  });

  it('needs a reason, an existing team, and a fresh session', async () => {
    expect((await open({ reason: '' })).status).toBe(400);
    expect((await open({ teamId: '01890000-0000-7000-8000-000000000000' })).status).toBe(404);
    moveClock(app, 11 * MINUTE_MS);
    expect((await open()).json.error.code).toBe('STEP_UP_REQUIRED');
  });

  it('is closed to everybody else', async () => {
    const answer = await team.http.post('/v1/platform/break-glass', { teamId: admin.teamId, reason: REASON });
    expect([answer.status, answer.json.error.code]).toEqual([403, 'FORBIDDEN']);
  });

  it('ends at once with the session that opened it, and with the right to it', async () => {
    const http = await inside();
    await setPlatformAdmin(app.database.ownerUrl, admin.email, 'revoke');
    await soon(async () => (await http.get('/v1/clients')).status === 401);
    await setPlatformAdmin(app.database.ownerUrl, admin.email, 'grant');
    await soon(async () => (await http.get('/v1/clients')).status === 200);
    expect((await admin.http.post('/v1/auth/logout')).status).toBe(200);
    await soon(async () => (await http.get('/v1/clients')).status === 401);
  });
});

async function soon(isTrue: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 90_000;
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error('did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

import pg from 'pg';
import { setPlatformAdmin } from '../../src/identity/platform-admins/platform-grant.js';
import { SecurityEvents } from '../../src/oversight/security-events/security-events.service.js';
import { type Account, createKey, registerOwner } from '../harness/accounts.js';
import { soon } from '../harness/eventually.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const list = (account: Account) => account.http.get('/v1/platform/security-events');

/** The notice takes a moment from PostgreSQL to the instance. */
const expectSoon = (account: Account, status: number): Promise<void> =>
  soon(async () => expect((await list(account)).status).toBe(status));

describe('platform admins', () => {
  let app: TestApp;
  let admin: Account;
  const turnOnSecondFactor = (account: Account) =>
    app.database.sql('UPDATE users SET two_factor_enabled_at = now() WHERE id = $1', [account.userId]);

  beforeAll(async () => {
    app = await startTestApp();
    admin = await registerOwner(app.http);
    await turnOnSecondFactor(admin);
  });
  afterAll(() => app.close());

  it('an owner is none; the command makes one, at once, and takes it back', async () => {
    expect((await list(admin)).json.error.code).toBe('FORBIDDEN');
    expect(await setPlatformAdmin(app.database.ownerUrl, admin.email, 'grant')).toBe('granted');
    await expectSoon(admin, 200);
    const events = (await list(admin)).json.data;
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'platform_admin_granted',
        userId: admin.userId,
        details: { action: 'grant' },
      }),
    );
    expect(await setPlatformAdmin(app.database.ownerUrl, admin.email, 'grant')).toBe('unchanged');
    expect(await setPlatformAdmin(app.database.ownerUrl, admin.email, 'revoke')).toBe('revoked');
    await expectSoon(admin, 403);
    expect(await setPlatformAdmin(app.database.ownerUrl, 'nobody@example.com', 'grant')).toBe('unknown');
  });

  it('without a second factor the routes stay closed', async () => {
    const plain = await registerOwner(app.http);
    await setPlatformAdmin(app.database.ownerUrl, plain.email, 'grant');
    await expectSoon(plain, 403);
    expect((await list(plain)).json.error.code).toBe('TWO_FACTOR_REQUIRED');
  });

  it('a key of a platform admin is refused', async () => {
    const other = await registerOwner(app.http);
    const key = await createKey(other, ['security-events:read']);
    await turnOnSecondFactor(other);
    await setPlatformAdmin(app.database.ownerUrl, other.email, 'grant');
    await expectSoon(other, 200);
    expect((await key.http.get('/v1/platform/security-events')).status).toBe(403);
  });

  it('the application itself cannot make one', async () => {
    const client = new pg.Client({ connectionString: app.database.appUrl });
    await client.connect();
    const insert = client.query('INSERT INTO platform_admins (user_id) VALUES ($1)', [admin.userId]);
    await expect(insert).rejects.toThrow('permission denied');
    await client.end();
  });

  it("they see events of nobody's team, and no team's", async () => {
    const other = await registerOwner(app.http);
    await turnOnSecondFactor(other);
    await setPlatformAdmin(app.database.ownerUrl, other.email, 'grant');
    await expectSoon(other, 200);
    const events = app.app.get(SecurityEvents);
    const event = { type: 'login_failed', userId: null, ipAddress: '203.0.113.5' } as const;
    events.record({ ...event, teamId: null, requestId: 'nobody' });
    events.record({ ...event, teamId: admin.teamId, requestId: 'somebody' });
    await events.flush();
    const ids = (await other.http.get('/v1/platform/security-events?type=login_failed')).json.data.map(
      (row: { requestId: string }) => row.requestId,
    );
    expect(ids).toEqual(['nobody']);
  });
});

import { type Account, createKey, registerOwner } from '../harness/accounts.js';
import { addClients } from '../harness/audit.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

describe('the compliance report', () => {
  let app: TestApp;
  let owner: Account;

  beforeAll(async () => {
    app = await startTestApp();
    owner = await registerOwner(app.http, { name: 'Alex <b>Morgan</b>' });
    await addClients(owner, 3);
  });
  afterAll(() => app.close());

  it('shows access, changes, keys, second factors, failed sign-ins and retention of this team alone', async () => {
    const other = await registerOwner(app.http);
    await addClients(other, 2);
    await createKey(owner, ['clients:read'], { name: 'Website' });
    const { json } = await owner.http.get('/v1/compliance/report');
    expect(json.data).toMatchObject({
      teamId: owner.teamId,
      twoFactor: { members: 1, enabled: 0, coverage: 0, managersWithout: 1 },
      keys: [{ name: 'Website', revokedAt: null }],
    });
    expect(json.data.access).toHaveLength(1);
    expect(json.data.access[0]).toMatchObject({ userId: owner.userId, role: 'owner' });
    expect(json.data.changes).toContainEqual({ resourceType: 'client', created: 3, updated: 0, deleted: 0 });
    expect(json.data.retention.oldestAuditRowAt).not.toBeNull();
  });

  it('comes as a page to print, without a script and with every name escaped', async () => {
    const page = await owner.http.get('/v1/compliance/report?format=html');
    expect(page.headers['content-type']).toContain('text/html');
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    expect(page.text).toContain('Compliance report');
    expect(page.text).not.toContain('<b>Morgan');
    const asked = await owner.http.get('/v1/compliance/report', { headers: { accept: 'text/html' } });
    expect(asked.text.startsWith('<!doctype html>')).toBe(true);
  });

  it('refuses an empty period, one of years, and callers without audit:read', async () => {
    const of = async (query: string): Promise<number> =>
      (await owner.http.get(`/v1/compliance/report?${query}`)).status;
    expect(await of('from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z')).toBe(400);
    expect(await of('from=2020-01-01T00:00:00Z&to=2026-01-01T00:00:00Z')).toBe(400);
    const key = await createKey(owner, ['clients:read']);
    expect((await key.http.get('/v1/compliance/report')).status).toBe(403);
  });
});

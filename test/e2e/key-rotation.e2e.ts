import { randomBytes } from 'node:crypto';
import { type Account, createKey, freshAddress, registerOwner } from '../harness/accounts.js';
import { Browser } from '../harness/browser.js';
import { enableTwoFactor } from '../harness/authenticator.js';
import { createTestDatabase, startTestApp, type TestApp, type TestDatabase } from '../harness/test-app.js';

async function statusOf(answer: Promise<{ status: number }>): Promise<number> {
  return (await answer).status;
}

/** An operator replaces MASTER_ENCRYPTION_KEY, keeps the old one in MASTER_ENCRYPTION_PREVIOUS_KEYS, and restarts. */
describe('a rotated master key', () => {
  const [oldKey, newKey] = [randomBytes(32).toString('hex'), randomBytes(32).toString('hex')];
  let database: TestDatabase;
  let before: TestApp;
  let after: TestApp;
  let owner: Account;
  let browser: Browser;
  const from = freshAddress();

  beforeAll(async () => {
    database = await createTestDatabase();
    before = await startTestApp({ database, env: { MASTER_ENCRYPTION_KEY: oldKey } });
    owner = await registerOwner(before.http);
  });
  afterAll(async () => {
    await after?.close();
    await database.drop();
  });

  it('interrupts nothing that began under the old one', async () => {
    const client = { firstName: 'Ida', lastName: 'Quillfeather', email: 'ida.quillfeather@example.com' };
    const idempotent = { headers: { 'idempotency-key': 'rotation-1' } };
    const created = await owner.http.post('/v1/clients', client, idempotent);
    const { id } = created.json.data;
    await owner.http.post('/v1/clients', { firstName: 'Second' });
    const key = await createKey(owner, ['clients:read', 'clients:pii']);
    const page = await owner.http.get('/v1/clients?limit=1');
    const guarded = await registerOwner(before.http);
    const phone = await enableTwoFactor(before, guarded.http);
    browser = Browser.of(before.http, owner, from);
    await before.close();

    const env = { MASTER_ENCRYPTION_KEY: newKey, MASTER_ENCRYPTION_PREVIOUS_KEYS: oldKey };
    after = await startTestApp({ database, env });
    const moved = (headers: Record<string, string>) => after.http.with(headers, from);
    const asOwner = moved({ authorization: `Bearer ${owner.accessToken}` });

    const read = await asOwner.get(`/v1/clients/${id}`);
    expect(read.json.data).toMatchObject(client);
    const byKey = await moved({ 'x-api-key': key.key }).get(`/v1/clients?email=${client.email}`);
    expect(byKey.json.data).toMatchObject([{ id, ...client }]);
    const next = await asOwner.get(`/v1/clients?limit=1&cursor=${page.json.meta.nextCursor}`);
    expect([next.status, next.json.data?.length]).toEqual([200, 1]);
    const replayed = await asOwner.post('/v1/clients', client, idempotent);
    expect([replayed.status, replayed.headers['idempotency-replayed']]).toEqual([201, 'true']);
    const { json: audit } = await asOwner.get(`/v1/audit-log?resourceId=${id}`);
    expect(audit.data[0].newValues).toMatchObject(client);

    const returned = new Browser(after.http, from);
    returned.cookies.set(...(owner.cookie.split('=', 2) as [string, string]));
    returned.csrfToken = browser.csrfToken;
    expect(await statusOf(returned.refresh())).toBe(200);
    expect(await statusOf(new Browser(after.http, freshAddress()).login(owner.email))).toBe(200);

    const halfway = await new Browser(after.http, freshAddress()).login(guarded.email);
    const { challengeToken } = halfway.json.data;
    const code = phone.code(1);
    const whole = await after.http.post('/v1/auth/login/2fa', { challengeToken, code }, { from });
    expect(whole.status).toBe(200);
  });

  it('seals what is new, and what is written again keeps opening', async () => {
    const asOwner = after.http.with({ authorization: `Bearer ${owner.accessToken}` }, from);
    const { json } = await asOwner.get('/v1/clients?limit=100');
    const patched = await asOwner.patch(`/v1/clients/${json.data[0].id}`, { lastName: 'Rewritten' });
    expect(patched.json.data.lastName).toBe('Rewritten');
    const created = await asOwner.post('/v1/clients', { firstName: 'New', lastName: 'Key' });
    const ids = await database.sql(
      'SELECT DISTINCT master_key_id FROM data_keys WHERE subject_id = ANY ($1)',
      [[json.data[0].id, created.json.data.id]],
    );
    expect(ids).toHaveLength(2);
  });
});

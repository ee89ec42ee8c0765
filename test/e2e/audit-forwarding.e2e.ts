import { createPublicKey, randomBytes, verify } from 'node:crypto';
import { merkleRoot } from '../../src/oversight/audit/merkle.js';
import { signedText } from '../../src/oversight/audit/seal.js';
import { setPlatformAdmin } from '../../src/identity/platform-admins/platform-grant.js';
import { type Account, registerOwner } from '../harness/accounts.js';
import { addClients, tamper } from '../harness/audit.js';
import { moveClock } from '../harness/clock.js';
import { eventually } from '../harness/eventually.js';
import { createTestDatabase, startTestApp, type TestApp, type TestDatabase } from '../harness/test-app.js';
import { accept, expectedSignature, WebhookServer } from '../harness/webhook-receiver.js';

const HOST = '127.9.0.1';
const SECRET = `whsec_${randomBytes(32).toString('base64')}`;
async function twoTeams(app: TestApp): Promise<Account[]> {
  const owners = [await registerOwner(app.http), await registerOwner(app.http)];
  for (const owner of owners) await addClients(owner, 5);
  return owners;
}

describe('forwarding of the audit log to a webhook', () => {
  let database: TestDatabase;
  let receiver: WebhookServer;
  const apps: TestApp[] = [];

  beforeEach(async () => {
    database = await createTestDatabase();
    receiver = await WebhookServer.listen(HOST);
  });
  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
    await receiver.close();
    await database.drop();
  });

  async function start(env: Record<string, string> = {}): Promise<TestApp> {
    const app = await startTestApp({
      database,
      env: {
        AUDIT_FORWARD_URL: receiver.url,
        AUDIT_FORWARD_SECRET: SECRET,
        AUDIT_FORWARD_ALLOWED_RANGES: '127.9.0.0/16',
        OUTBOUND_ALLOW_HTTP: 'true',
        ...env,
      },
    });
    apps.push(app);
    return app;
  }

  const batches = (): any[] => receiver.received.flatMap(({ json }) => json.data.batches);
  const sentIds = (): string[] => batches().flatMap(({ rows }) => rows.map(({ id }: any) => id));
  const storedIds = async (): Promise<string[]> =>
    (await database.sql('SELECT id FROM audit_log ORDER BY id')).map(({ id }) => id);
  const status = async () => (await database.sql('SELECT * FROM audit_forwarding'))[0];

  /** Everything that is stored was accepted, and everything accepted is stored. */
  async function complete(): Promise<void> {
    await eventually(async () => {
      expect([...new Set(sentIds())].sort()).toEqual(await storedIds());
      const [{ waiting }] = await database.sql(
        'SELECT count(*)::int AS waiting FROM latchkey.seals_to_forward(10)',
      );
      expect(waiting).toBe(0);
    });
  }

  it('delivers every row of every team once, signed, in the order of its seals', async () => {
    const app = await start();
    const owners = await twoTeams(app);
    await complete();
    expect(sentIds()).toHaveLength(new Set(sentIds()).size);
    for (const delivery of receiver.received) {
      expect(delivery.headers['webhook-signature']).toBe(expectedSignature(SECRET, delivery));
      expect(delivery.headers['webhook-id']).toMatch(/^msg_[\w-]{43}$/);
      expect(Math.abs(Number(delivery.headers['webhook-timestamp']) - Date.now() / 1000)).toBeLessThan(200);
      expect(delivery.json.type).toBe('audit.batches');
    }
    for (const { teamId } of owners) {
      const seqs = batches().flatMap(({ seal }) => (seal.teamId === teamId ? [seal.seq] : []));
      expect(seqs).toEqual(seqs.map((_, index) => index + 1));
    }
  });

  it('carries what proves it: rows and head of each batch fit the public key', async () => {
    const app = await start();
    const [owner] = await twoTeams(app);
    await complete();
    const { publicKey } = (await owner.http.get('/v1/audit-log/public-key')).json.data;
    expect(batches().length).toBeGreaterThan(1);
    for (const { seal, firstIndex, rows } of batches()) {
      expect([firstIndex, rows.length]).toEqual([0, seal.rows]);
      const digests = rows.map(({ digest }: any) => digest);
      expect(
        merkleRoot(
          rows.map(({ id }: any) => id),
          digests,
        ),
      ).toBe(seal.root);
      const signature = Buffer.from(seal.signature, 'hex');
      expect(verify(null, Buffer.from(signedText(seal)), createPublicKey(publicKey), signature)).toBe(true);
    }
  });

  it('sends no personal data and no secret, but says that there is some', async () => {
    const app = await start();
    const owner = await registerOwner(app.http, { name: 'Cnryowner Person' });
    const canaries = {
      firstName: 'Cnryfirst',
      lastName: 'Cnrylast',
      email: 'cnrymail@example.com',
      phone: '+15557316402',
      address: 'Cnry Street 1',
      notes: 'cnrynotes',
    };
    const created = await owner.http.post('/v1/clients', canaries);
    await owner.http.patch(`/v1/clients/${created.json.data.id}`, {
      lastName: 'Cnryother',
      status: 'inactive',
    });
    const key = await owner.http.post('/v1/api-keys', { name: 'Cnry key', scopes: ['clients:read'] });
    await owner.http.post('/v1/team/invitations', { email: 'cnryinvited@example.com', role: 'agent' });
    await complete();
    const sent = receiver.received.map(({ body }) => body).join('\n');
    expect(sent).not.toMatch(/cnry(?! key)/i);
    expect(sent).not.toContain('5557316402');
    expect(sent).not.toContain(owner.email);
    expect(sent).not.toContain(key.json.data.key);
    // Not in its encrypted form either: outside, deleting a data key would erase nothing.
    const sealed = await database.sql(
      `SELECT encode(sealed, 'hex') AS hex FROM audit_log WHERE sealed IS NOT NULL`,
    );
    expect(sealed.length).toBeGreaterThan(1);
    expect(sealed.filter(({ hex }) => sent.includes(hex))).toEqual([]);
    const updated = batches()
      .flatMap(({ rows }) => rows)
      .find(({ action, resourceType }: any) => action === 'UPDATE' && resourceType === 'client');
    expect(updated).toMatchObject({
      hasPersonalValues: true,
      oldValues: { status: 'active' },
      newValues: { status: 'inactive' },
      state: 'intact',
      userId: owner.userId,
    });
    expect(app.logged()).not.toContain('receiver-path-canary');
  });

  it.each([
    ['500', (response: any) => response.writeHead(500).end()],
    ['a redirect', (response: any) => response.writeHead(307, { location: '/elsewhere' }).end()],
    ['a cut connection', (response: any) => response.destroy()],
  ])('a receiver that answers with %s gets it all again', async (_name, refuse) => {
    receiver.answer = refuse;
    const app = await start();
    const [owner] = await twoTeams(app);
    await eventually(async () => expect((await status()).attempts).toBeGreaterThan(1));
    expect((await status()).at_page).toBe('0');
    receiver.received.length = 0;
    receiver.answer = accept;
    await addClients(owner, 2);
    await complete();
    expect(await status()).toMatchObject({ failing_since: null, failure: null, attempts: 0 });
  });

  it('a receiver that was down gets what happened meanwhile, and requests never waited for it', async () => {
    const { port } = receiver;
    await receiver.close();
    const app = await start({ AUDIT_FORWARD_URL: receiver.url });
    await twoTeams(app);
    await eventually(async () => expect((await status()).failure).toBe('ECONNREFUSED'));
    expect((await app.http.get('/readyz')).status).toBe(200);
    receiver = await WebhookServer.listen(HOST, port);
    await complete();
  });

  it('an instance that ends before the receiver has accepted leaves it to the next one', async () => {
    // The rows arrive, the answer never comes: as if the process were killed between sending and noting it.
    receiver.answer = () => undefined;
    const first = await start();
    const [owner] = await twoTeams(first);
    await eventually(() => expect(receiver.received.length).toBeGreaterThan(0));
    const before = sentIds();
    await apps.pop()?.close();
    expect((await status()).at_page).toBe('0');
    receiver.answer = accept;
    receiver.received.length = 0;
    await start();
    await complete();
    expect(sentIds()).toEqual(expect.arrayContaining(before));
    expect(owner.teamId).toBeDefined();
  });

  it('two instances make one stream, and the second takes over when the first loses its lead', async () => {
    const [one] = [await start(), await start()];
    const [owner] = await twoTeams(one);
    await complete();
    expect(sentIds()).toHaveLength(new Set(sentIds()).size);
    const ended = await database.sql(
      `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
    expect(ended.length).toBeGreaterThan(0);
    await addClients(owner, 5);
    await complete();
  });

  it('rows that were altered or deleted since their seal are sent as such, and raise the alarm', async () => {
    const quiet = await start({ AUDIT_FORWARD_URL: '', AUDIT_FORWARD_SECRET: '' });
    const owner = await registerOwner(quiet.http);
    await addClients(owner, 3);
    await eventually(async () => {
      const { json } = await owner.http.get('/v1/audit-log/verify');
      expect(json.data).toMatchObject({ valid: true, pendingRows: 0 });
    });
    const [altered, deleted] = await storedIds();
    await tamper(
      database,
      `UPDATE audit_log SET user_agent = 'nobody' WHERE id = '${altered}'; DELETE FROM audit_log WHERE id = '${deleted}'`,
    );
    await start();
    await eventually(() => expect(sentIds()).toEqual(expect.arrayContaining([altered, deleted])));
    const rows = batches().flatMap((batch) => batch.rows);
    expect(rows.find(({ id }) => id === altered).state).toBe('altered');
    expect(rows.find(({ id }) => id === deleted)).toMatchObject({ state: 'missing', action: null });
    await eventually(async () => {
      const found = await database.sql(`SELECT details FROM security_events WHERE type = 'audit_tampering'`);
      expect(new Set(found.map(({ details }) => details.firstBrokenId))).toEqual(new Set([altered, deleted]));
    });
  });

  it('a batch that somebody emptied, altered or made up is sent as such, raises the alarm, and holds up nothing', async () => {
    const quiet = await start({ AUDIT_FORWARD_URL: '', AUDIT_FORWARD_SECRET: '' });
    const [emptied, shortened] = await twoTeams(quiet);
    const [forged] = await twoTeams(quiet);
    for (const owner of [emptied, shortened, forged])
      await eventually(async () => {
        expect((await owner.http.get('/v1/audit-log/verify')).json.data).toMatchObject({ pendingRows: 0 });
      });
    await tamper(
      database,
      `UPDATE audit_seal SET ids = '{}', digests = '' WHERE team_id = '${emptied.teamId}' AND seq = 1;
       UPDATE audit_seal SET ids = ids || gen_random_uuid(), digests = digests || root WHERE team_id = '${shortened.teamId}' AND seq = 1;
       UPDATE audit_seal SET signature = decode(repeat('ab', 64), 'hex') WHERE team_id = '${forged.teamId}' AND seq = 1`,
    );
    const app = await start();
    const behind = await registerOwner(app.http);
    await eventually(async () => {
      expect(batches().some(({ seal }) => seal.teamId === behind.teamId)).toBe(true);
      const [{ waiting }] = await database.sql(
        'SELECT count(*)::int AS waiting FROM latchkey.seals_to_forward(10)',
      );
      expect(waiting).toBe(0);
    });
    const sent = (owner: Account) =>
      batches().find(({ seal }) => seal.teamId === owner.teamId && seal.seq === 1);
    expect(sent(emptied)).toMatchObject({ state: 'altered', rows: [] });
    expect(sent(shortened).state).toBe('altered');
    expect(sent(forged).state).toBe('altered');
    // The root still stands for them: whoever has the missing key can tell.
    for (const { digest } of sent(forged).rows) expect(digest).toMatch(/^[0-9a-f]{64}$/);
    for (const owner of [shortened, forged])
      expect(sent(owner).rows.map(({ state }: any) => state)).not.toContain('intact');
    expect(batches().filter(({ state }) => state === 'altered')).toHaveLength(3);
    await eventually(async () => {
      const found = await database.sql(
        `SELECT DISTINCT team_id FROM security_events WHERE type = 'audit_tampering'`,
      );
      expect(new Set(found.map(({ team_id }) => team_id))).toEqual(
        new Set([emptied.teamId, shortened.teamId, forged.teamId]),
      );
    });
  });

  it('reports that it is stuck also when it is the log itself that cannot be read', async () => {
    const app = await start();
    await twoTeams(app);
    await complete();
    await tamper(database, 'REVOKE SELECT ON audit_checkpoint, audit_log FROM latchkey_app');
    await registerOwner(app.http);
    await eventually(async () => expect((await status()).failure).toBe('UNREADABLE_42501'));
    moveClock(app, 11 * 60_000);
    await eventually(async () => {
      const found = await database.sql(
        `SELECT details FROM platform_security_events WHERE type = 'audit_forwarding_stuck'`,
      );
      expect(found.map(({ details }) => details)).toEqual([{ code: 'UNREADABLE_42501', minutes: 11 }]);
    });
    await tamper(database, 'GRANT SELECT ON audit_checkpoint, audit_log TO latchkey_app');
    await complete();
    expect(await status()).toMatchObject({ failing_since: null, failure: null });
  });

  it('says how it goes, reports when it is stuck and when it is not any more', async () => {
    receiver.answer = (response) => response.writeHead(503).end();
    const app = await start();
    const owner = await registerOwner(app.http);
    await database.sql('UPDATE users SET two_factor_enabled_at = now() WHERE id = $1', [owner.userId]);
    await setPlatformAdmin(database.ownerUrl, owner.email, 'grant');
    const view = async () => (await owner.http.get('/v1/platform/audit-forwarding')).json.data;
    await eventually(async () => {
      expect(await view()).toMatchObject({ receiver: 'webhook', failure: 'HTTP_503' });
    });
    expect((await view()).waitingBatches).toBeGreaterThan(0);
    expect((await view()).failingSince).not.toBeNull();
    moveClock(app, 11 * 60_000);
    const reported = async (type: string) =>
      (await database.sql('SELECT details FROM platform_security_events WHERE type = $1', [type])).map(
        ({ details }) => details,
      );
    await eventually(async () => {
      expect(await reported('audit_forwarding_stuck')).toEqual([{ code: 'HTTP_503', minutes: 11 }]);
    });
    receiver.answer = accept;
    await eventually(async () => {
      expect(await reported('audit_forwarding_recovered')).toEqual([{ minutes: 11 }]);
      expect(await reported('audit_forwarding_stuck')).toHaveLength(1);
    });
    moveClock(app, 0);
    expect(await view()).toMatchObject({ failingSince: null, failure: null, attempts: 0 });
  });

  it('refuses to start with a receiver in a network that nobody opened', async () => {
    await expect(start({ AUDIT_FORWARD_ALLOWED_RANGES: '127.10.0.0/16' })).rejects.toThrow(/reserved/);
    apps.length = 0;
  });
});

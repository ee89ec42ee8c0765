import { createPublicKey, verify } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signedText } from '../../src/oversight/audit/seal.js';
import { type Account, registerOwner } from '../harness/accounts.js';
import { addClients } from '../harness/audit.js';
import { type Certificate, makeCertificate } from '../harness/certificate.js';
import { eventually } from '../harness/eventually.js';
import { parseSyslog, SyslogServer } from '../harness/syslog-receiver.js';
import { createTestDatabase, startTestApp, type TestApp, type TestDatabase } from '../harness/test-app.js';

const HOST = '127.9.0.2';
/** Longer than the longest pause between two attempts. */

describe('forwarding of the audit log to syslog', () => {
  let folder: string;
  const certificates = new Map<string, Certificate>();
  let database: TestDatabase;
  let receiver: SyslogServer;
  let app: TestApp | null = null;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'latchkey-syslog-'));
    for (const label of ['receiver', 'stranger'])
      certificates.set(label, makeCertificate(folder, label, `IP:${HOST}`));
  });
  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    await app?.close();
    app = null;
    await receiver.close();
    await database.drop();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const tls = (label: string) => certificates.get(label);

  async function start(scheme: 'tls' | 'tcp', env: Record<string, string> = {}): Promise<Account> {
    app = await startTestApp({
      database,
      env: {
        AUDIT_FORWARD_URL: `syslog+${scheme}://${HOST}:${receiver.port}`,
        AUDIT_FORWARD_ALLOWED_RANGES: '127.9.0.0/16',
        AUDIT_FORWARD_CA_FILE: join(folder, 'receiver.pem'),
        ...env,
      },
    });
    const owner = await registerOwner(app.http);
    await addClients(owner, 6, { lastName: 'Cnrylast', notes: 'cnrynotes', email: undefined });
    return owner;
  }

  const parsed = () => receiver.messages.map(parseSyslog);
  const rowIds = () => parsed().flatMap(({ msgId, params }) => (msgId === 'audit-row' ? [params.id] : []));
  const status = async () => (await database.sql('SELECT * FROM audit_forwarding'))[0];

  async function complete(): Promise<void> {
    await eventually(async () => {
      const stored = await database.sql('SELECT id FROM audit_log ORDER BY id');
      expect([...new Set(rowIds())].sort()).toEqual(stored.map(({ id }) => id));
    });
  }

  it('delivers every row over TLS, in messages of RFC 5424, and the signed head of each batch', async () => {
    receiver = await SyslogServer.listen(HOST, tls('receiver'));
    const owner = await start('tls');
    const [clientId] = await addClients({ ...owner, http: owner.http.with({ 'user-agent': 'x"]\\' }) }, 1);
    await complete();
    await eventually(() => expect(receiver.finished).toBeGreaterThan(0));
    expect(rowIds()).toHaveLength(new Set(rowIds()).size);
    const row = parsed().find(({ params }) => params.resourceId === clientId);
    expect(row).toMatchObject({ facility: 13, severity: 6, app: 'latchkey', msgId: 'audit-row' });
    expect(row?.params).toMatchObject({
      team: owner.teamId,
      user: owner.userId,
      action: 'CREATE',
      resourceType: 'client',
      userAgent: 'x"]\\',
      personal: 'yes',
      state: 'intact',
    });
    expect(JSON.parse(row?.message ?? '')).toMatchObject({ oldValues: null, newValues: { type: 'buyer' } });
    const { publicKey } = (await owner.http.get('/v1/audit-log/public-key')).json.data;
    const heads = parsed().filter(({ msgId }) => msgId === 'audit-seal');
    expect(heads.length).toBeGreaterThan(0);
    for (const { message } of heads) {
      const seal = JSON.parse(message);
      const signature = Buffer.from(seal.signature, 'hex');
      expect(verify(null, Buffer.from(signedText(seal)), createPublicKey(publicKey), signature)).toBe(true);
    }
    expect(receiver.messages.join('\n')).not.toMatch(/cnry/i);
  });

  it('delivers over TCP to a network that the operator opened, and starts towards no other', async () => {
    receiver = await SyslogServer.listen(HOST);
    await start('tcp');
    await complete();
    await app?.close();
    app = null;
    const elsewhere = startTestApp({
      database,
      env: { AUDIT_FORWARD_URL: 'syslog+tcp://93.184.216.34:601' },
    });
    await expect(elsewhere).rejects.toThrow(/reserved/);
  });

  it('sends nothing to a receiver with a certificate that does not fit', async () => {
    receiver = await SyslogServer.listen(HOST, tls('stranger'));
    await start('tls');
    await eventually(async () => expect((await status()).attempts).toBeGreaterThan(0));
    expect((await status()).failure).toMatch(/SELF_SIGNED|UNABLE_TO_VERIFY|CERT/);
    expect(receiver.messages).toEqual([]);
    expect((await status()).at_page).toBe('0');
  });

  it.each([
    ['closes at once', (socket: any) => socket.end()],
    ['resets the connection', (socket: any) => socket.resetAndDestroy()],
    ['dies while it reads', (socket: any) => socket.once('data', () => socket.destroy())],
  ])('a receiver that %s gets it all again', async (_name, take) => {
    receiver = await SyslogServer.listen(HOST);
    const reading = receiver.take;
    receiver.take = take;
    await start('tcp');
    await eventually(async () => expect((await status()).attempts).toBeGreaterThan(1));
    expect((await status()).at_page).toBe('0');
    receiver.take = reading;
    await complete();
  });

  it('does not take written bytes for accepted ones while the receiver hangs', async () => {
    receiver = await SyslogServer.listen(HOST);
    const reading = receiver.take;
    receiver.take = (socket) => void socket.pause();
    await start('tcp');
    await eventually(async () => expect((await status()).failure).toBe('TIMEOUT'));
    expect((await status()).at_page).toBe('0');
    receiver.take = reading;
    await complete();
  });
});

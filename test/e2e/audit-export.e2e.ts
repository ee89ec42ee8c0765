import { createPublicKey } from 'node:crypto';
import { OfflineCheck, type OfflineResult } from '../../src/oversight/audit/offline-check.js';
import { type Account, createKey, registerOwner } from '../harness/accounts.js';
import { addClients, sealed, tamper } from '../harness/audit.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

function check(text: string, pem: string, head: any = null): OfflineResult {
  const offline = new OfflineCheck([createPublicKey(pem)], head);
  for (const line of text.split('\n')) offline.add(line);
  return offline.result();
}

/** Ids of the rows in their order. */
const rowIds = (text: string): string[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter((line) => line.kind === 'row')
    .map((line) => line.id);

describe('the export of the audit log', () => {
  let app: TestApp;
  let owner: Account;
  let pem: string;
  let head: any;

  beforeAll(async () => {
    app = await startTestApp();
  });
  beforeEach(async () => {
    owner = await registerOwner(app.http);
    await addClients(owner, 5, { lastName: 'Rivera', email: 'rivera@example.com', allowDuplicate: true });
    head = (await sealed(owner)).head;
    pem = (await owner.http.get('/v1/audit-log/public-key')).json.data.publicKey;
  });
  afterAll(() => app.close());

  const ndjson = async (): Promise<string> =>
    (await owner.http.get('/v1/audit-log/export?format=ndjson')).text;
  it('passes the offline check and holds every row', async () => {
    const answer = await owner.http.get('/v1/audit-log/export?format=ndjson');
    expect(answer.headers['content-type']).toContain('application/x-ndjson');
    const [{ count }] = await app.database.sql('SELECT count(*)::int FROM audit_log WHERE team_id = $1', [
      owner.teamId,
    ]);
    expect(check(answer.text, pem, head)).toMatchObject({
      valid: true,
      checkedRows: count,
      firstBrokenId: null,
      head: { seq: head.seq, root: head.root },
    });
  });

  it.each([
    ['edited', (id: string) => `UPDATE audit_log SET request_id = 'other' WHERE id = '${id}'`],
    ['deleted', (id: string) => `DELETE FROM audit_log WHERE id = '${id}'`],
  ])('names a row that was %s in the database', async (_, sql) => {
    const [, , id] = rowIds(await ndjson());
    await tamper(app.database, sql(id));
    expect(check(await ndjson(), pem, head)).toMatchObject({ valid: false, firstBrokenId: id });
  });

  it('names the end, given the anchored head, when the newest rows were cut off with their seals', async () => {
    await addClients(owner, 1);
    const newest = (await sealed(owner)).head;
    await tamper(
      app.database,
      `DELETE FROM audit_log WHERE id = '${newest.lastId}'; DELETE FROM audit_seal WHERE team_id = '${owner.teamId}' AND seq = ${newest.seq}`,
    );
    const text = await ndjson();
    expect(check(text, pem, newest)).toMatchObject({ valid: false, firstBrokenId: newest.lastId });
  });

  it('names what was changed in the file itself', async () => {
    const text = await ndjson();
    const lines = text.split('\n');
    const at = lines.findIndex((line) => line.includes('"kind":"row"')) + 1;
    const ids = rowIds(text);
    const with_ = (changed: string[]): OfflineResult => check(changed.join('\n'), pem, head);
    expect(with_(lines.toSpliced(at, 1, lines[at].replace('CREATE', 'DELETE'))).firstBrokenId).toBe(ids[1]);
    expect(with_(lines.toSpliced(at, 1)).firstBrokenId).toBe(ids[1]);
    expect(with_(lines.toSpliced(at, 2, lines[at + 1], lines[at])).firstBrokenId).toBe(ids[1]);
    const extra = JSON.stringify({
      ...JSON.parse(lines[at]),
      stored: { ...JSON.parse(lines[at]).stored, id: 'x' },
    });
    expect(with_(lines.toSpliced(at, 0, extra)).firstBrokenId).toBe('x');
    const shown = lines[at].replace('"action":"CREATE"', '"action":"UPDATE"');
    expect(with_(lines.toSpliced(at, 1, shown)).firstBrokenId).toBe(ids[1]);
    expect(with_(lines.slice(0, -2)).valid).toBe(false);
    const masked = text.replace('ri***@example.com', 'xx***@example.com');
    expect(masked).not.toBe(text);
    expect(check(masked, pem, head)).toMatchObject({ valid: false, reason: expect.stringContaining('file') });
  });

  it.each([
    ['seal', 'digests'],
    ['seal', 'ids'],
    ['seal', 'signature'],
    ['row', 'stored'],
    ['end', 'signature'],
  ])('is not whole when a %s has no %s', async (kind, field) => {
    const lines = (await ndjson()).split('\n');
    const at = lines.findIndex((line) => line.includes(`"kind":"${kind}"`));
    for (const nothing of [null, 7, {}]) {
      const broken = JSON.stringify({ ...JSON.parse(lines[at]), [field]: nothing });
      expect(check(lines.toSpliced(at, 1, broken).join('\n'), pem, head).valid).toBe(false);
    }
    expect(check(lines.toSpliced(at, 1, 'null').join('\n'), pem, head).valid).toBe(false);
  });

  it('is not believed when signed with another key', async () => {
    const other = await startTestApp({ env: { AUDIT_SIGNING_KEY: Buffer.alloc(32, 7).toString('base64') } });
    try {
      const stranger = await registerOwner(other.http);
      await sealed(stranger);
      const text = (await stranger.http.get('/v1/audit-log/export')).text;
      expect(check(text, pem).valid).toBe(false);
    } finally {
      await other.close();
    }
  });

  it('masks personal data, and comes as CSV without formulas', async () => {
    const agent = owner.http.with({ 'user-agent': '=HYPERLINK("x")' });
    await agent.post('/v1/clients', { firstName: 'Agent' });
    const text = await ndjson();
    expect(text).not.toContain('rivera@example.com');
    expect(text).toContain('ri***@example.com');
    const csv = await owner.http.get('/v1/audit-log/export?format=csv');
    expect(csv.headers['content-type']).toContain('text/csv');
    expect(csv.text).toContain(`"'=HYPERLINK(""x"")"`);
    expect(csv.text).not.toContain('rivera@example.com');
  });

  it('needs audit:read', async () => {
    const key = await createKey(owner, ['clients:read']);
    expect((await key.http.get('/v1/audit-log/export')).status).toBe(403);
    expect((await key.http.get('/v1/audit-log/verify')).status).toBe(403);
    expect((await owner.http.get('/v1/audit-log/export?format=xml')).status).toBe(400);
  });
});

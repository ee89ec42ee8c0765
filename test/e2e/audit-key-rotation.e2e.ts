import { createHash, createPublicKey, randomBytes } from 'node:crypto';
import { endText } from '../../src/oversight/audit/export-lines.js';
import { OfflineCheck, type OfflineResult } from '../../src/oversight/audit/offline-check.js';
import { SigningKey } from '../../src/oversight/audit/signing-key.js';
import { type Account, registerOwner } from '../harness/accounts.js';
import { addClients, forgeBatch, plantCheckpoint, sealed, tamper } from '../harness/audit.js';
import { moveClock } from '../harness/clock.js';
import { eventually } from '../harness/eventually.js';
import { createTestDatabase, startTestApp, type TestApp, type TestDatabase } from '../harness/test-app.js';

const newSeed = (): string => randomBytes(32).toString('base64');
const [FIRST, SECOND, THIRD] = [newSeed(), newSeed(), newSeed()];
const pemOf = (seed: string): string => SigningKey.from(seed).publicKeyPem;
/** What a setting takes instead of the seed: the middle line of the PEM. */
const publicHalf = (seed: string): string => pemOf(seed).split('\n')[1];
const [JWT, MASTER] = [randomBytes(48).toString('hex'), randomBytes(32).toString('hex')];

describe('the key of the audit log', () => {
  let database: TestDatabase;
  let app: TestApp;
  let owner: Account;

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(async () => {
    await app.close();
    await database.drop();
  });

  /** The same installation with these keys; the owner goes on with the token from before. */
  async function startWith(current: string, ...earlier: string[]): Promise<void> {
    await app?.close();
    app = await startTestApp({
      database,
      env: {
        JWT_SECRET: JWT,
        MASTER_ENCRYPTION_KEY: MASTER,
        AUDIT_SIGNING_KEY: current,
        AUDIT_SIGNING_PREVIOUS_KEYS: earlier.join(','),
      },
    });
    if (owner) owner = { ...owner, http: app.http.with({ authorization: `Bearer ${owner.accessToken}` }) };
  }

  async function offline(seeds: string[] | null): Promise<OfflineResult> {
    const { text } = await owner.http.get('/v1/audit-log/export');
    const check = new OfflineCheck(seeds?.map((seed) => createPublicKey(pemOf(seed))) ?? null, null);
    for (const line of text.split('\n')) check.add(line);
    return check.result();
  }

  const verify = async (): Promise<any> => (await owner.http.get('/v1/audit-log/verify')).json.data;

  it('is replaced, and what the earlier one signed still verifies, online and offline', async () => {
    await startWith(FIRST);
    owner = await registerOwner(app.http);
    await addClients(owner, 3);
    expect((await sealed(owner)).head.keyId).toBe(SigningKey.from(FIRST).keyId);

    await startWith(SECOND, FIRST);
    await addClients(owner, 2);
    const result = await sealed(owner);
    expect(result).toMatchObject({ valid: true, firstBrokenId: null });
    expect(result.head.keyId).toBe(SigningKey.from(SECOND).keyId);
    expect(await offline([SECOND, FIRST])).toMatchObject({ valid: true, checkedRows: result.checkedRows });
    expect(await offline(null)).toMatchObject({ valid: true });
  });

  it('cannot excuse the loss of what its successor sealed', async () => {
    const { head } = await verify();
    const [row] = await database.sql(
      `SELECT a.id, a.created_at FROM audit_log a, audit_seal s
       WHERE s.team_id = $1 AND s.seq = $2 AND a.team_id = $1 AND a.id = ANY (s.ids) LIMIT 1`,
      [owner.teamId, head.seq],
    );
    await database.sql('CREATE TABLE kept AS SELECT * FROM audit_log WHERE id = $1', [row.id]);
    await plantCheckpoint(database, FIRST, {
      teamId: owner.teamId,
      month: '2099-12',
      rows: 1,
      lastSeq: head.seq,
      lastRoot: head.root,
      otherIds: [],
    });
    await tamper(database, `DELETE FROM audit_log WHERE id = '${row.id}'`);
    expect(await verify()).toMatchObject({ valid: false, firstBrokenId: row.id });
    expect(await offline([SECOND, FIRST])).toMatchObject({ valid: false, firstBrokenId: row.id });
    await tamper(database, `INSERT INTO audit_log SELECT * FROM kept; DELETE FROM audit_checkpoint`);
    expect(await verify()).toMatchObject({ valid: true });
  });

  it('signs no file for a log that has passed on from it', async () => {
    const { text } = await owner.http.get('/v1/audit-log/export');
    const lines = text.trimEnd().split('\n');
    const old = SigningKey.from(FIRST);
    const start = { ...JSON.parse(lines[0]), keyId: old.keyId, publicKey: old.publicKeyPem };
    const body = [JSON.stringify(start), ...lines.slice(1, -1)];
    const sha256 = createHash('sha256')
      .update(body.map((line) => `${line}\n`).join(''))
      .digest('hex');
    const end = JSON.parse(lines.at(-1) ?? '');
    const signature = old.sign(endText(owner.teamId, end.rows, sha256));
    const check = new OfflineCheck(
      [SECOND, FIRST].map((seed) => createPublicKey(pemOf(seed))),
      null,
    );
    for (const line of [...body, JSON.stringify({ ...end, sha256, signature })]) check.add(line);
    expect(check.result()).toMatchObject({ valid: false, reason: expect.stringContaining('retired') });
  });

  it('is shown with those before it', async () => {
    const { json } = await owner.http.get('/v1/audit-log/public-key');
    expect(json.data).toEqual({
      keyId: SigningKey.from(SECOND).keyId,
      algorithm: 'Ed25519',
      publicKey: pemOf(SECOND),
      earlier: [{ keyId: SigningKey.from(FIRST).keyId, algorithm: 'Ed25519', publicKey: pemOf(FIRST) }],
    });
  });

  it('need not be kept once it is replaced: its public half verifies', async () => {
    await startWith(THIRD, publicHalf(SECOND), publicHalf(FIRST));
    await addClients(owner, 1);
    const result = await sealed(owner);
    expect([result.valid, result.head.keyId]).toEqual([true, SigningKey.from(THIRD).keyId]);
    expect(await offline([THIRD, SECOND, FIRST])).toMatchObject({ valid: true });
  });

  it('is not believed when it is nobody’s we know', async () => {
    expect(await offline([THIRD, SECOND])).toMatchObject({
      valid: false,
      reason: expect.stringContaining('another key'),
    });
    await startWith(THIRD, SECOND);
    const [{ id }] = await database.sql(
      `SELECT ids[1] AS id FROM audit_seal WHERE team_id = $1 AND seq = 1`,
      [owner.teamId],
    );
    expect(await verify()).toMatchObject({ valid: false, firstBrokenId: id });
  });

  it('seals the rows that an instance with the earlier key still writes', async () => {
    await startWith(FIRST, THIRD, SECOND);
    const before = (await verify()).checkedRows;
    await addClients(owner, 1);
    // An instance with a retired key seals nothing: a batch of it would not verify.
    await eventually(() => expect(app.logged()).toContain('was replaced and signs nothing any more'));
    expect(await verify()).toMatchObject({ valid: true, checkedRows: before, pendingRows: 1 });

    await startWith(THIRD, SECOND, FIRST);
    expect(await sealed(owner)).toMatchObject({ valid: true, checkedRows: before + 1, pendingRows: 0 });
  });

  it('that was retired cannot continue the log, whoever has found it', async () => {
    await startWith(FIRST, THIRD, SECOND);
    await addClients(owner, 1);
    const forgedId = await forgeBatch(app, owner, SigningKey.from(FIRST));
    expect(await verify()).toMatchObject({ valid: false, firstBrokenId: forgedId });
    expect(await offline([FIRST, SECOND, THIRD])).toMatchObject({
      valid: false,
      firstBrokenId: forgedId,
      reason: expect.stringContaining('retired'),
    });
  });

  it('that was retired and came back stops no log but the one it came back to', async () => {
    await startWith(THIRD, SECOND, FIRST);
    const [{ seq: forged }] = await database.sql(
      'SELECT max(seq) AS seq FROM audit_seal WHERE team_id = $1',
      [owner.teamId],
    );
    await addClients(owner, 1);
    const other = await registerOwner(app.http);
    await addClients(other, 1);
    expect(await sealed(other)).toMatchObject({
      valid: true,
      head: { keyId: SigningKey.from(THIRD).keyId },
    });
    expect(app.logged()).toContain('a retired key');
    const alarms = `SELECT details FROM security_events WHERE type = 'audit_tampering' AND team_id = '${owner.teamId}'`;
    const before = await database.sql(alarms);
    moveClock(app, 61_000);
    await eventually(async () => expect(await database.sql(alarms)).toHaveLength(before.length + 1));
    await tamper(database, `DELETE FROM audit_seal WHERE team_id = '${owner.teamId}' AND seq = ${forged}`);
    expect(await sealed(owner)).toMatchObject({ valid: true, head: { seq: Number(forged) } });
  });
});

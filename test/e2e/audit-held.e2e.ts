import { randomBytes } from 'node:crypto';
import { SigningKey } from '../../src/oversight/audit/signing-key.js';
import { type Account, registerOwner } from '../harness/accounts.js';
import { addClients, sealed, tamper } from '../harness/audit.js';
import { moveClock } from '../harness/clock.js';
import { eventually } from '../harness/eventually.js';
import { createTestDatabase, startTestApp, type TestApp, type TestDatabase } from '../harness/test-app.js';

const GRACE_MS = 60_000;

const verify = async (owner: Account): Promise<any> =>
  (await owner.http.get('/v1/audit-log/verify')).json.data;

/** Puts a batch at the end of a team's chain that nobody of us signed. */
const strangeBatch = (teamId: string, keyId: string): string => `
  INSERT INTO audit_seal (team_id, seq, ids, digests, total_rows, first_created_at, last_created_at, sealed_at, root,
      previous_root, key_id, signature)
    SELECT team_id, seq + 1, ids, digests, total_rows + cardinality(ids), first_created_at, last_created_at, sealed_at, root,
      root, ${keyId}, signature FROM audit_seal WHERE team_id = '${teamId}' ORDER BY seq DESC LIMIT 1`;

describe('an audit log that ends with a batch that nobody of us signed', () => {
  let database: TestDatabase;
  let app: TestApp;
  let strange: Account;
  let other: Account;

  beforeEach(async () => {
    database = await createTestDatabase();
    app = await startTestApp({ database });
    [strange, other] = [await registerOwner(app.http), await registerOwner(app.http)];
    for (const owner of [strange, other]) {
      await addClients(owner, 2);
      await sealed(owner);
    }
  });
  afterEach(async () => {
    await app.close();
    await database.drop();
  });

  const batchesOf = async ({ teamId }: Account): Promise<any[]> =>
    database.sql('SELECT seq, cardinality(ids) AS rows FROM audit_seal WHERE team_id = $1 ORDER BY seq', [
      teamId,
    ]);
  /** Those that the sealer raised: verification raises its own, so it is not asked before. */
  const alarms = async (): Promise<any[]> =>
    database.sql(`SELECT team_id, details FROM security_events WHERE type = 'audit_tampering'`);
  /** The sealer has been at work once more, and has had all rows before. */
  async function oneMoreTick(): Promise<void> {
    await addClients(other, 1);
    expect(await sealed(other)).toMatchObject({ valid: true });
  }

  it.each([
    ['a key that is nobody’s', `'0123456789abcdef'`],
    ['our own key, which did not sign it', 'key_id'],
  ])(
    'names %s: stays unsealed and raises the alarm once, while all others go on, until it is lawful again',
    async (_name, keyId) => {
      const before = (await verify(strange)).checkedRows;
      await tamper(database, strangeBatch(strange.teamId, keyId));
      const batches = await batchesOf(strange);
      await addClients(strange, 2);
      for (let ticks = 0; ticks < 3; ticks++) await oneMoreTick();
      expect(await batchesOf(strange)).toEqual(batches);

      // An instance in the middle of a change of keys may have found it: nobody is woken within the minute.
      expect(await alarms()).toEqual([]);
      moveClock(app, GRACE_MS + 1000);
      await eventually(async () => expect(await alarms()).toHaveLength(1));
      for (let ticks = 0; ticks < 3; ticks++) await oneMoreTick();
      expect(await alarms()).toEqual([
        { team_id: strange.teamId, details: { firstBrokenId: expect.any(String) } },
      ]);
      expect(await verify(strange)).toMatchObject({ valid: false, pendingRows: 2 });
      expect(await verify(other)).toMatchObject({ valid: true, pendingRows: 0 });

      await tamper(
        database,
        `DELETE FROM audit_seal WHERE team_id = '${strange.teamId}' AND seq = ${batches.at(-1).seq}`,
      );
      const result = await sealed(strange);
      expect(result).toMatchObject({ valid: true, firstBrokenId: null, checkedRows: before + 2 });
      await addClients(strange, 1);
      expect(await sealed(strange)).toMatchObject({ valid: true, checkedRows: before + 3 });
      expect(await database.sql('SELECT FROM audit_held')).toEqual([]);
    },
  );

  it('is sealed with all that came meanwhile, and a row that somebody put between is named', async () => {
    await tamper(database, strangeBatch(strange.teamId, 'key_id'));
    await addClients(strange, 1);
    await oneMoreTick();
    const [{ id }] = await database.sql(
      `INSERT INTO audit_log (team_id, id, action, resource_type, resource_id, auth_method, request_id, mac)
       SELECT team_id, gen_random_uuid(), action, resource_type, resource_id, auth_method, request_id, mac
       FROM audit_log WHERE team_id = $1 LIMIT 1 RETURNING id`,
      [strange.teamId],
    );
    // More than the sealer takes in one go.
    await strange.http.post('/v1/clients/bulk', {
      operations: Array.from({ length: 500 }, (_, n) => ({
        action: 'create',
        data: { firstName: `Client ${n}` },
      })),
    });
    await oneMoreTick();
    const batches = await batchesOf(strange);
    await tamper(
      database,
      `DELETE FROM audit_seal WHERE team_id = '${strange.teamId}' AND seq = ${batches.at(-1).seq}`,
    );
    expect(await sealed(strange)).toMatchObject({
      valid: false,
      firstBrokenId: id,
      pendingRows: 0,
    });
    expect((await batchesOf(strange)).slice(batches.length - 1).map(({ rows }) => rows)).toEqual([499, 2]);
    await tamper(database, `DELETE FROM audit_log WHERE id = '${id}'`);
    expect(await verify(strange)).toMatchObject({ valid: true });
  });

  it('stops nobody with a row that was moved to no time at all', async () => {
    await tamper(database, strangeBatch(strange.teamId, 'key_id'));
    await addClients(strange, 1);
    await oneMoreTick();
    const [{ id }] = await database.sql(
      'SELECT id FROM audit_log WHERE team_id = $1 ORDER BY id DESC LIMIT 1',
      [strange.teamId],
    );
    await tamper(
      database,
      `UPDATE audit_log SET created_at = 'infinity' WHERE id = '${id}';
       DELETE FROM audit_seal WHERE team_id = '${strange.teamId}' AND seq = (SELECT max(seq) FROM audit_seal WHERE team_id = '${strange.teamId}')`,
    );
    await oneMoreTick();
    expect(await sealed(strange)).toMatchObject({ valid: false, firstBrokenId: id });
  });
});

describe('an instance that does not know the newest key of a log', () => {
  const apps: TestApp[] = [];
  let database: TestDatabase;

  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
    await database.drop();
  });

  async function start(AUDIT_SIGNING_KEY: string, AUDIT_SIGNING_PREVIOUS_KEYS = ''): Promise<TestApp> {
    const app = await startTestApp({ database, env: { AUDIT_SIGNING_KEY, AUDIT_SIGNING_PREVIOUS_KEYS } });
    apps.push(app);
    return app;
  }

  it('lets another one lead, which seals what waited, and nobody is woken', async () => {
    const [old, next] = [1, 2].map(() => randomBytes(32).toString('base64'));
    const first = await start(next, old);
    const owner = await registerOwner(first.http);
    const before = (await sealed(owner)).checkedRows;
    await apps.pop()?.close();
    const on = (app: TestApp): Account => ({
      ...owner,
      http: app.http.with({ authorization: `Bearer ${owner.accessToken}` }),
    });

    const left = await start(old);
    await addClients(on(left), 2);
    await eventually(async () => expect(await database.sql('SELECT FROM audit_held')).toHaveLength(1));
    const leading = await start(next, old);
    expect(await sealed(on(leading))).toMatchObject({
      valid: true,
      checkedRows: before + 2,
      head: { keyId: SigningKey.from(next).keyId },
    });
    expect(await database.sql(`SELECT FROM security_events WHERE type = 'audit_tampering'`)).toEqual([]);
  });
});

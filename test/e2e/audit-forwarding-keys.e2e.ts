import { randomBytes } from 'node:crypto';
import { SigningKey } from '../../src/oversight/audit/signing-key.js';
import { type Account, registerOwner } from '../harness/accounts.js';
import { addClients, forgeBatch, plantCheckpoint, sealed, tamper } from '../harness/audit.js';
import { eventually } from '../harness/eventually.js';
import { createTestDatabase, startTestApp, type TestApp, type TestDatabase } from '../harness/test-app.js';
import { WebhookServer } from '../harness/webhook-receiver.js';

const HOST = '127.9.0.7';
const newSeed = (): string => randomBytes(32).toString('base64');
const [FIRST, SECOND, THIRD] = [newSeed(), newSeed(), newSeed()];
const SECRETS = {
  JWT_SECRET: randomBytes(48).toString('hex'),
  MASTER_ENCRYPTION_KEY: randomBytes(32).toString('hex'),
};

describe('forwarding of an audit log of three keys', () => {
  let database: TestDatabase;
  let receiver: WebhookServer;
  let app: TestApp | null = null;
  let owner: Account | null = null;

  beforeAll(async () => {
    database = await createTestDatabase();
    receiver = await WebhookServer.listen(HOST);
  });
  afterAll(async () => {
    await app?.close();
    await receiver.close();
    await database.drop();
  });

  /** The same installation with these keys, today's first. */
  async function startWith(
    [current, ...earlier]: string[],
    env: Record<string, string> = {},
  ): Promise<TestApp> {
    await app?.close();
    app = await startTestApp({
      database,
      env: {
        ...SECRETS,
        AUDIT_SIGNING_KEY: current,
        AUDIT_SIGNING_PREVIOUS_KEYS: earlier.join(','),
        ...env,
      },
    });
    return app;
  }

  /** Seals three rows with the first of these keys. @returns their ids */
  async function batchOf(keys: string[]): Promise<string[]> {
    const { http } = await startWith(keys);
    owner ??= await registerOwner(http);
    const account = { ...owner, http: http.with({ authorization: `Bearer ${owner.accessToken}` }) };
    const known = await idsOf(account);
    await addClients(account, 3);
    expect(await sealed(account)).toMatchObject({ valid: true });
    return (await idsOf(account)).filter((id) => !known.includes(id));
  }

  const idsOf = async ({ teamId }: Account): Promise<string[]> =>
    (await database.sql('SELECT id FROM audit_log WHERE team_id = $1 ORDER BY id', [teamId])).map(
      ({ id }) => id,
    );

  /** Every batch of the owner's team that an instance with these keys has sent. */
  async function forwardedBy(keys: string[]): Promise<any[]> {
    await startWith(keys, {
      AUDIT_FORWARD_URL: receiver.url,
      AUDIT_FORWARD_SECRET: `whsec_${randomBytes(32).toString('base64')}`,
      AUDIT_FORWARD_ALLOWED_RANGES: '127.9.0.0/16',
      OUTBOUND_ALLOW_HTTP: 'true',
    });
    await eventually(async () => {
      const [{ waiting }] = await database.sql(
        'SELECT count(*)::int AS waiting FROM latchkey.seals_to_forward(10)',
      );
      expect(waiting).toBe(0);
    });
    return receiver.received
      .flatMap(({ json }) => json.data.batches)
      .filter(({ seal }: any) => seal.teamId === owner!.teamId);
  }

  it('believes a checkpoint of any key that was not left before the batch, and of no other', async () => {
    const ofFirst = await batchOf([FIRST]);
    const ofSecond = await batchOf([SECOND, FIRST]);
    await batchOf([THIRD, SECOND, FIRST]);
    const { teamId } = owner!;
    const points: [seed: string, month: string, id: string][] = [
      [FIRST, '2099-01', ofFirst[0]],
      [SECOND, '2099-02', ofFirst[1]],
      [THIRD, '2099-03', ofFirst[2]],
      [SECOND, '2099-04', ofSecond[0]],
      [FIRST, '2099-05', ofSecond[1]],
    ];
    for (const [seed, month, id] of points) {
      await plantCheckpoint(database, seed, { teamId, month, rows: 1, otherIds: [id] });
      await tamper(database, `DELETE FROM audit_log WHERE id = '${id}'`);
    }
    const rows = (await forwardedBy([THIRD, SECOND, FIRST])).flatMap((batch) => batch.rows);
    const missing = rows.filter(({ state }: any) => state === 'missing').map(({ id }: any) => id);
    expect(new Set(missing)).toEqual(new Set(points.map(([, , id]) => id)));
    // All alarms of a delivery are raised before the position moves, and written when the instance ends.
    await app?.close();
    app = null;
    const alarms = await database.sql(`SELECT details FROM security_events WHERE type = 'audit_tampering'`);
    expect(alarms.map(({ details }) => details.firstBrokenId)).toEqual([ofSecond[1]]);
  });

  it('vouches for every batch of a key in its turn, and for none of one that the log had left', async () => {
    owner = null;
    await batchOf([FIRST]);
    await batchOf([SECOND, FIRST]);
    await batchOf([SECOND, FIRST]);
    const honest = await forwardedBy([SECOND, FIRST, THIRD]);
    // Whoever has found the first seed starts an instance that seals nothing, and signs what waits.
    const { http } = await startWith([FIRST, SECOND]);
    const account: Account = {
      ...owner!,
      http: http.with({ authorization: `Bearer ${owner!.accessToken}` }),
    };
    await addClients(account, 2);
    const forged = await forgeBatch(app!, account, SigningKey.from(FIRST));
    // And damages what says that the log had passed on from it, after that was sent.
    await tamper(
      database,
      `UPDATE audit_seal SET signature = decode(repeat('ab', 64), 'hex') WHERE team_id = '${account.teamId}' AND key_id = '${SigningKey.from(SECOND).keyId}'`,
    );
    const batches = await forwardedBy([THIRD, SECOND, FIRST]);
    const last = batches.at(-1);
    expect(last).toMatchObject({ state: 'altered', seal: { keyId: SigningKey.from(FIRST).keyId } });
    expect(last.rows.map(({ id, state }: any) => [id, state])[0]).toEqual([forged, 'altered']);
    expect(batches.slice(0, -1)).toEqual(honest);
    expect(new Set(honest.map(({ state }) => state))).toEqual(new Set(['intact']));
    expect(new Set(honest.map(({ seal }) => seal.keyId)).size).toBe(2);
    await app?.close();
    app = null;
    const alarms = await database.sql(
      `SELECT details FROM security_events WHERE type = 'audit_tampering' AND team_id = '${account.teamId}'`,
    );
    expect(alarms.map(({ details }) => details.firstBrokenId)).toContain(forged);
  });
});

import { createPublicKey, randomBytes } from 'node:crypto';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { contentDigestOf } from '../../src/oversight/audit/row-content.js';
import { AuditKeys } from '../../src/oversight/audit/audit-keys.js';
import { canonicalJson } from '../../src/oversight/audit/canonical-json.js';
import { AuditRetention } from '../../src/oversight/audit/audit-retention.js';
import { OfflineCheck, type OfflineResult } from '../../src/oversight/audit/offline-check.js';
import { RetentionJob } from '../../src/oversight/audit/retention-job.js';
import { SealedLog } from '../../src/oversight/audit/sealed-log.js';
import { STORED_COLUMNS, type StoredRow } from '../../src/oversight/audit/stored-row.js';
import { Database } from '../../src/platform/database/database.js';
import { DatabaseAddress } from '../../src/platform/database/database-address.js';
import { ADVISORY_LOCK } from '../../src/platform/database/advisory-locks.js';
import { type Account, registerOwner } from '../harness/accounts.js';
import { addClients, sealed, tamper } from '../harness/audit.js';
import { type CommandResult, Commands } from '../harness/command.js';
import { eventually } from '../harness/eventually.js';
import { createTestDatabase, startTestApp, type TestApp, type TestDatabase } from '../harness/test-app.js';

const KEYS = {
  JWT_SECRET: randomBytes(48).toString('hex'),
  MASTER_ENCRYPTION_KEY: randomBytes(32).toString('hex'),
  AUDIT_SIGNING_KEY: randomBytes(32).toString('base64'),
};
const KEPT = 19;
/** `YYYY-MM` of a month that many months ago. */
const ago = (months: number): string => {
  const now = new Date();
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - months)).toISOString().slice(0, 7);
};
const [OLDEST, OLD, KEPT_MONTH] = [ago(KEPT + 2), ago(KEPT + 1), ago(KEPT)];
const after = (month: string): string => {
  const [year, number] = month.split('-').map(Number);
  return new Date(Date.UTC(year, number)).toISOString().slice(0, 7);
};
const table = (month: string): string => `audit_log_${month.replace('-', '_')}`;

const SETTING = { AUDIT_RETENTION_MONTHS: String(KEPT) };
const env = (role: string): Record<string, string> => ({ ...KEYS, ROLE: role });

function signIn(account: Account, on: TestApp): void {
  Object.assign(account, { http: on.http.with({ authorization: `Bearer ${account.accessToken}` }) });
}

function canonical(text: string | null): string | null {
  return text === null ? null : canonicalJson(JSON.parse(text));
}

/** The values of a stored row in the form that its code covers. */
function canonicalValues(row: StoredRow): Pick<StoredRow, 'oldValues' | 'newValues'> {
  return { oldValues: canonical(row.oldValues), newValues: canonical(row.newValues) };
}

/**
 * A log of several months: rows are written by an instance that seals nothing, made anew as if written in the past, and
 * sealed as they stand.
 */
describe('retention of the audit log', () => {
  let commands: Commands;
  let database: TestDatabase;
  let app: TestApp;
  let owner: Account;
  let other: Account;
  let past: TestDatabase;
  /** Of the owner's team. */
  let oldestRows: number;
  let oldRows: number;

  beforeAll(async () => {
    commands = new Commands();
    past = await createTestDatabase();
    database = past;
    for (const month of [OLDEST, OLD, KEPT_MONTH]) {
      const [from, to] = [month, after(month)].map((each) => `'${each}-01 00:00:00+00'`);
      await asOwner(
        `CREATE TABLE ${table(month)} PARTITION OF audit_log FOR VALUES FROM (${from}) TO (${to})`,
      );
    }
    app = await start('api');
    owner = await registerOwner(app.http);
    other = await registerOwner(app.http);
    await write(owner, 3, [OLDEST]);
    await write(other, 1, [OLDEST]);
    await write(owner, 4, [OLDEST, OLD]);
    await write(owner, 4, [OLD, KEPT_MONTH]);
    await app.close();
    await past.disconnect();
  });
  beforeEach(async () => {
    database = await createTestDatabase(past);
    app = await start('all');
    await addClients(owner, 2);
    for (const account of [owner, other]) await sealed(account);
    const counts = await Promise.all([OLDEST, OLD].map((month) => rowsOf(month)));
    [oldestRows, oldRows] = counts;
  });
  afterEach(async () => {
    await app.close();
    await database.drop();
  });
  afterAll(async () => {
    await past.drop();
    commands.remove();
  });

  async function rowsOf(month: string): Promise<number> {
    const [{ rows }] = await database.sql(
      `SELECT count(*)::int AS rows FROM ${table(month)} WHERE team_id = $1`,
      [owner.teamId],
    );
    return rows;
  }

  async function start(role: string): Promise<TestApp> {
    const next = await startTestApp({ database, env: env(role) });
    for (const account of [owner, other].filter(Boolean)) signIn(account, next);
    return next;
  }

  async function asOwner(sql: string): Promise<void> {
    const client = new pg.Client({ connectionString: database.ownerUrl });
    await client.connect();
    await client.query(sql).finally(() => client.end());
  }

  const asApplication = (text: string) => app.app.get(Database).run([{ name: null, text, values: [] }]);

  /** A batch of its own: what the team has not sealed yet and some clients more, spread over the months. */
  async function write(account: Account, count: number, months: string[]): Promise<void> {
    await addClients(account, count);
    const rows = (await database.sql(
      `SELECT ${STORED_COLUMNS} FROM audit_log a WHERE team_id = $1
         AND NOT EXISTS (SELECT FROM audit_seal s WHERE s.team_id = a.team_id AND a.id = ANY (s.ids)) ORDER BY id`,
      [account.teamId],
    )) as unknown as StoredRow[];
    const moves = rows.map((row, n) => {
      const time = `${months[n % months.length]}-17T08:00:0${n}.000Z`;
      const id = uuidv7({ msecs: Date.parse(time) });
      // Personal values are bound to the id, so the moved row has none.
      const digest = contentDigestOf({ ...row, ...canonicalValues(row), id, sealed: null });
      const mac = app.app.get(AuditKeys).macOf({ teamId: account.teamId, id }, digest);
      return `UPDATE audit_log SET created_at = '${time}', id = '${id}', sealed = NULL, content_digest = '\\x${digest}', mac = '\\x${mac}' WHERE id = '${row.id}'`;
    });
    await tamper(database, moves.join(';'));
    const sealer = await startTestApp({ database, env: env('all') });
    await sealed({ ...account, http: sealer.http.with({ authorization: `Bearer ${account.accessToken}` }) });
    await sealer.close();
  }

  const verify = async (account = owner): Promise<any> =>
    (await account.http.get('/v1/audit-log/verify')).json.data;
  const retain = (...args: string[]): Promise<CommandResult> => retainWith({}, ...args);
  const retainWith = (settings: Record<string, string>, ...args: string[]): Promise<CommandResult> =>
    commands.run('oversight/audit/audit-retain.cli.js', args, {
      ...env('all'),
      ...SETTING,
      ...settings,
      DATA_DIR: commands.path('data'),
      DATABASE_URL: database.appUrl,
      DATABASE_MIGRATION_URL: database.ownerUrl,
    });
  const partitions = async (): Promise<string[]> =>
    (
      await database.sql(
        `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'audit_log'::regclass ORDER BY 1`,
      )
    ).map(({ name }) => name);
  async function offline(account = owner): Promise<OfflineResult> {
    const pem = (await account.http.get('/v1/audit-log/public-key')).json.data.publicKey;
    const check = new OfflineCheck([createPublicKey(pem)], (await verify(account)).head);
    const { text } = await account.http.get('/v1/audit-log/export');
    for (const line of text.split('\n')) check.add(line);
    return check.result();
  }

  it('says first what would go, and touches nothing', async () => {
    const before = await partitions();
    const { code, stdout, stderr } = await retain('--dry-run');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toBe(
      `${OLDEST}: ${oldestRows + 1} rows of 2 teams would be removed\n${OLD}: ${oldRows} rows of 1 teams would be removed\n`,
    );
    expect(await partitions()).toEqual(before);
    expect((await verify()).removedRows).toBe(0);
  });

  /** To a receiver that nobody reaches. */
  const forwarding = {
    AUDIT_FORWARD_URL: 'https://127.0.0.1:9/audit',
    AUDIT_FORWARD_SECRET: `whsec_${randomBytes(32).toString('base64')}`,
    AUDIT_FORWARD_ALLOWED_RANGES: '127.0.0.1/32',
  };

  it('keeps a month until a receiver that is set has accepted all of it', async () => {
    const before = await partitions();
    const refused = await retainWith(forwarding);
    expect([refused.code, refused.stdout]).toEqual([1, '']);
    expect(refused.stderr).toContain(`has not accepted all of ${OLDEST}`);
    expect(await partitions()).toEqual(before);

    // All but the last row of the newest batch that reaches into the second month: the first one may go.
    const [last] = await database.sql(
      `SELECT page, team_id, seq, cardinality(ids) AS rows FROM audit_seal WHERE first_created_at < $1 ORDER BY page DESC, team_id DESC, seq DESC LIMIT 1`,
      [`${KEPT_MONTH}-01T00:00:00Z`],
    );
    const standAt = (rows: number) =>
      tamper(
        database,
        `UPDATE audit_forwarding SET at_page = ${last.page}, at_team = '${last.team_id}', at_seq = ${last.seq}, rows_sent = ${rows}`,
      );
    await standAt(last.rows - 1);
    const halted = await retainWith(forwarding);
    expect([halted.code, halted.stderr]).toEqual([1, expect.stringContaining(`all of ${OLD}`)]);
    expect(halted.stdout).toBe(`${OLDEST}: ${oldestRows + 1} rows of 2 teams removed\n`);
    expect(await partitions()).toEqual(before.filter((name) => name !== table(OLDEST)));

    await standAt(last.rows);
    expect((await retainWith(forwarding)).stdout).toBe(`${OLD}: ${oldRows} rows of 1 teams removed\n`);
    expect(await sealed(owner)).toMatchObject({ valid: true, removedRows: oldestRows + oldRows });
  });

  it('keeps every month when nobody knows any more what the receiver has accepted', async () => {
    await tamper(database, 'UPDATE audit_forwarding SET at_page = 9000000000000000000');
    expect((await retainWith(forwarding, '--dry-run')).code).toBe(0);
    await tamper(database, 'DELETE FROM audit_forwarding');
    const refused = await retainWith(forwarding, '--dry-run');
    expect([refused.code, refused.stdout]).toEqual([1, '']);
    expect(refused.stderr).toContain(`has not accepted all of ${OLDEST}`);
  });

  it('keeps a month for a receiver that was at work lately, though the settings of this process know of none', async () => {
    await tamper(database, `UPDATE audit_forwarding SET delivered_at = now() - interval '29 days'`);
    const refused = await retain('--dry-run');
    expect([refused.code, refused.stdout]).toEqual([1, '']);
    expect(refused.stderr).toContain(`has not accepted all of ${OLDEST}`);
    await tamper(database, `UPDATE audit_forwarding SET delivered_at = now() - interval '31 days'`);
    const { code, stdout } = await retain('--dry-run');
    expect([code, stdout]).toEqual([0, expect.stringContaining(`${OLDEST}: `)]);
  });

  it('is put off by the job, which says so and does not fail, while a month waits for its receiver', async () => {
    const before = await partitions();
    const worker = await startTestApp({ database, env: { ...env('api'), ...SETTING, ...forwarding } });
    try {
      await worker.app.get(RetentionJob).run();
      const lines = worker.logged().split('\n');
      const said = lines.filter((line) => line.includes('the audit log was not shortened'));
      expect(said).toEqual([expect.stringContaining(`has not accepted all of ${OLDEST}`)]);
      expect(await partitions()).toEqual(before);
    } finally {
      await worker.close();
    }
  });

  it('removes the months that are too old, and the log still verifies, online and offline', async () => {
    const whole = await verify();
    const { code, stdout } = await retain('--reason', 'a request of the data protection officer');
    expect([code, stdout]).toEqual([
      0,
      `${OLDEST}: ${oldestRows + 1} rows of 2 teams removed\n${OLD}: ${oldRows} rows of 1 teams removed\n`,
    ]);
    const left = await partitions();
    expect(left).not.toContain(table(OLDEST));
    expect(left).not.toContain(table(OLD));
    expect(left).toContain(table(KEPT_MONTH));
    const result = await sealed(owner);
    expect(result).toMatchObject({
      valid: true,
      firstBrokenId: null,
      removedRows: oldestRows + oldRows,
      verifiedFrom: `${KEPT_MONTH}-01T00:00:00.000Z`,
    });
    // Two audit rows tell of the two months.
    expect(result.checkedRows).toBe(whole.checkedRows - oldestRows - oldRows + 2);
    expect(await offline()).toMatchObject({
      valid: true,
      checkedRows: result.checkedRows,
      removedRows: oldestRows + oldRows,
      verifiedFrom: result.verifiedFrom,
    });
    expect(await sealed(other)).toMatchObject({ valid: true, removedRows: 1 });
    // One month ends at a batch, the other in the middle of one.
    const points = await database.sql(
      `SELECT last_seq > 0 AS whole, cardinality(other_ids) > 0 AS parts FROM audit_checkpoint WHERE team_id = $1 ORDER BY month`,
      [owner.teamId],
    );
    expect(points).toEqual([
      { whole: true, parts: true },
      { whole: true, parts: true },
    ]);
    const { json } = await owner.http.get('/v1/audit-log?resourceType=audit_log&action=DELETE');
    expect(json.data).toHaveLength(2);
    expect(json.data[1]).toMatchObject({
      authMethod: 'system',
      userId: null,
      oldValues: { month: OLDEST, rows: oldestRows, reason: 'a request of the data protection officer' },
    });
    expect((await retain()).stdout).toContain('nothing older');
  });

  it('is no tampering to a check that was under way when the months went', async () => {
    const log = app.app.get(SealedLog);
    const read = log.checkpoints.bind(log);
    // The check has read the checkpoints, and comes to the rows when retention is done.
    const held = jest.spyOn(log, 'checkpoints').mockImplementationOnce(async (teamId) => {
      const before = await read(teamId);
      expect((await retain()).code).toBe(0);
      return before;
    });
    try {
      expect(await verify()).toMatchObject({
        valid: true,
        firstBrokenId: null,
        removedRows: oldestRows + oldRows,
        verifiedFrom: `${KEPT_MONTH}-01T00:00:00.000Z`,
      });
    } finally {
      held.mockRestore();
    }
  });

  it('is done by the job once, however many instances there are', async () => {
    const workers = await Promise.all(
      [1, 2].map(() => startTestApp({ database, env: { ...env('all'), ...SETTING } })),
    );
    try {
      await Promise.all(workers.map(({ app: worker }) => worker.get(RetentionJob).run()));
      await workers[0].app.get(RetentionJob).run();
      const points = await database.sql(`SELECT month::text, team_id, removed_by FROM audit_checkpoint`);
      expect(points).toHaveLength(3);
      expect(new Set(points.map((point) => point.removed_by))).toEqual(new Set(['job audit-retention']));
      expect(await sealed(owner)).toMatchObject({ valid: true, removedRows: oldestRows + oldRows });
    } finally {
      await Promise.all(workers.map((worker) => worker.close()));
    }
  });

  it('does not wait for the lock of the forwarder, which is another one', async () => {
    await tamper(database, 'UPDATE audit_forwarding SET at_page = 9000000000000000000');
    const worker = await startTestApp({ database, env: { ...env('all'), ...SETTING, ...forwarding } });
    try {
      const lock = `SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = $1`;
      const number = Number(BigInt(ADVISORY_LOCK.auditForwarding) & 0xffff_ffffn);
      await eventually(async () => expect(await database.sql(lock, [number])).toHaveLength(1));
      await worker.app.get(RetentionJob).run();
      expect(await partitions()).not.toContain(table(OLDEST));
    } finally {
      await worker.close();
    }
  });

  it('removes nothing when the month has rows that the check is not shown', async () => {
    await tamper(
      database,
      `CREATE POLICY hidden ON audit_log AS RESTRICTIVE FOR SELECT TO latchkey_app USING (user_agent IS DISTINCT FROM 'hidden');
       INSERT INTO ${table(OLDEST)} (team_id, id, created_at, action, resource_type, resource_id, auth_method, user_agent, request_id)
       SELECT team_id, gen_random_uuid(), created_at, action, resource_type, resource_id, auth_method, 'hidden', request_id
       FROM ${table(OLDEST)} WHERE team_id = '${owner.teamId}' LIMIT 1`,
    );
    expect((await verify()).valid).toBe(true);
    // Until the sealer has passed the row, that alone is a reason to remove nothing.
    await eventually(async () => {
      const { code, stderr } = await retain();
      expect([code, stderr]).toEqual([1, expect.stringContaining(owner.teamId)]);
    });
    expect(await database.sql('SELECT FROM audit_checkpoint')).toEqual([]);
  });

  it('leaves nothing half done when the partition cannot be dropped', async () => {
    const reader = new pg.Client({ connectionString: database.ownerUrl });
    await reader.connect();
    await reader.query(`BEGIN; LOCK TABLE ${table(OLDEST)} IN ACCESS SHARE MODE`);
    const order = { months: KEPT, dryRun: false, afterForwarding: false, by: 'test', reason: 'test' };
    const { ownerUrl } = app.app.get(DatabaseAddress);
    await expect(app.app.get(AuditRetention).run(ownerUrl, order, () => undefined)).rejects.toThrow(
      'lock timeout',
    );
    expect(await database.sql('SELECT FROM audit_checkpoint')).toEqual([]);
    expect(await sealed(owner)).toMatchObject({ valid: true, removedRows: 0 });
    await reader.end();
    expect((await retain()).code).toBe(0);
  });

  it('removes nothing of a log that is not whole', async () => {
    const [{ id }] = await database.sql(`SELECT id FROM ${table(OLDEST)} WHERE team_id = $1 LIMIT 1`, [
      other.teamId,
    ]);
    await tamper(database, `UPDATE audit_log SET user_agent = 'nobody' WHERE id = '${id}'`);
    const { code, stderr } = await retain();
    expect(code).toBe(1);
    expect(stderr).toContain(id);
    expect(await partitions()).toContain(table(OLDEST));
    const worker = await startTestApp({ database, env: { ...env('all'), ...SETTING } });
    await worker.app.get(RetentionJob).run();
    await worker.close();
    expect(await partitions()).toContain(table(OLDEST));
  });

  describe('somebody who', () => {
    it('moves a row into an old month before it is sealed is found out, and the row stays unsealed', async () => {
      await app.close();
      app = await start('api');
      await addClients(owner, 1);
      const [{ id }] = await database.sql(
        'SELECT id FROM audit_log WHERE team_id = $1 ORDER BY id DESC LIMIT 1',
        [owner.teamId],
      );
      await tamper(database, `UPDATE audit_log SET created_at = '${OLDEST}-17T08:00:00Z' WHERE id = '${id}'`);
      const worker = await startTestApp({ database, env: { ...env('all'), ...SETTING } });
      await eventually(async () =>
        expect(
          await database.sql(`SELECT FROM security_events WHERE type = 'audit_tampering' AND team_id = $1`, [
            owner.teamId,
          ]),
        ).not.toEqual([]),
      );
      await worker.app.get(RetentionJob).run();
      await worker.close();
      expect(await verify()).toMatchObject({ valid: false, firstBrokenId: id });
      expect(await partitions()).toContain(table(OLDEST));
    });

    it('drops a month without a checkpoint is found out', async () => {
      const [{ id }] = await database.sql(
        `SELECT ids[1] AS id FROM audit_seal WHERE team_id = $1 AND seq = 1`,
        [owner.teamId],
      );
      await database.sql(`DROP TABLE ${table(OLDEST)}`);
      expect(await verify()).toMatchObject({ valid: false, firstBrokenId: id });
      expect(await offline()).toMatchObject({ valid: false, firstBrokenId: id });
    });

    it('drops the next month after a lawful one is found out', async () => {
      expect((await retain()).code).toBe(0);
      await database.sql(`DROP TABLE ${table(KEPT_MONTH)}`);
      expect(await verify()).toMatchObject({ valid: false, firstBrokenId: expect.any(String) });
      expect((await offline()).valid).toBe(false);
    });

    it('forges a checkpoint, alters one or removes one is found out', async () => {
      expect((await retain()).code).toBe(0);
      await sealed(owner);
      const forge = (month: string): string => `INSERT INTO audit_checkpoint
        SELECT team_id, gen_random_uuid(), '${month}-01', rows, last_seq, last_root, other_ids, removed_at, removed_by,
          reason, key_id, signature FROM audit_checkpoint WHERE team_id = '${owner.teamId}' AND month = '${OLD}-01'`;
      for (const [change, undo] of [
        [forge(KEPT_MONTH), `DELETE FROM audit_checkpoint WHERE month = '${KEPT_MONTH}-01'`],
        [
          `UPDATE audit_checkpoint SET last_seq = last_seq + 1`,
          `UPDATE audit_checkpoint SET last_seq = last_seq - 1`,
        ],
        [`UPDATE audit_checkpoint SET rows = rows + 1`, `UPDATE audit_checkpoint SET rows = rows - 1`],
        [
          `CREATE TABLE kept AS SELECT * FROM audit_checkpoint WHERE month = '${OLDEST}-01'; DELETE FROM audit_checkpoint WHERE month = '${OLDEST}-01'`,
          `INSERT INTO audit_checkpoint SELECT * FROM kept; DROP TABLE kept`,
        ],
      ]) {
        await tamper(database, change);
        expect([change, (await verify()).valid, (await offline()).valid]).toEqual([change, false, false]);
        await tamper(database, undo);
        expect([undo, (await verify()).valid]).toEqual([undo, true]);
      }
    });

    it('removes one more row of an old batch than the checkpoint says is found out', async () => {
      // A month whose rows went to the default partition stays when the next one goes.
      await tamper(
        database,
        `ALTER TABLE audit_log DETACH PARTITION ${table(OLDEST)};
         INSERT INTO audit_log_default SELECT * FROM ${table(OLDEST)}; DROP TABLE ${table(OLDEST)}`,
      );
      expect((await retain()).stdout).toBe(`${OLD}: ${oldRows} rows of 1 teams removed\n`);
      expect(await sealed(owner)).toMatchObject({ valid: true, removedRows: oldRows });
      await tamper(
        database,
        `DELETE FROM audit_log_default WHERE id = (SELECT id FROM audit_log_default WHERE team_id = '${owner.teamId}' LIMIT 1)`,
      );
      expect((await verify()).valid).toBe(false);
      expect((await offline()).valid).toBe(false);
    });

    it('is the application can do neither, and the owner cannot drop what has no checkpoint', async () => {
      await expect(asApplication(`DROP TABLE ${table(OLDEST)}`)).rejects.toThrow('must be owner');
      await expect(asApplication(`SELECT latchkey.drop_audit_partition('${OLDEST}-01')`)).rejects.toThrow(
        'permission denied',
      );
      await expect(
        asApplication('INSERT INTO audit_checkpoint SELECT * FROM audit_checkpoint'),
      ).rejects.toThrow('permission denied');
      await expect(asOwner(`SELECT latchkey.drop_audit_partition('${OLDEST}-01')`)).rejects.toThrow(
        'no checkpoint',
      );
      await expect(asOwner(`SELECT latchkey.drop_audit_partition('${ago(11)}-01')`)).rejects.toThrow(
        'last twelve months',
      );
      expect((await retain()).code).toBe(0);
      for (const sql of [
        'DELETE FROM audit_checkpoint',
        'TRUNCATE audit_checkpoint',
        'UPDATE audit_checkpoint SET rows = 1',
      ])
        await expect(database.sql(sql)).rejects.toThrow('cannot be changed');
    });
  });
});

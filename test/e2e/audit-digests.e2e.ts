import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { AuditKeys } from '../../src/oversight/audit/audit-keys.js';
import { contentText, writtenOf } from '../../src/oversight/audit/row-content.js';
import { Database, enter } from '../../src/platform/database/database.js';
import { STORED_COLUMNS } from '../../src/oversight/audit/stored-row.js';
import { type Account, registerOwner } from '../harness/accounts.js';
import { addClients, sealed, tamper } from '../harness/audit.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';
import { databaseUrl, testServer } from '../harness/test-server.js';

/** What becomes of a row between its commit and its seal. */
describe('a row of the audit log that has no seal yet', () => {
  let app: TestApp;
  let owner: Account;

  beforeAll(async () => {
    app = await startTestApp();
  });
  beforeEach(async () => {
    owner = await registerOwner(app.http);
    await addClients(owner, 2);
    expect(await sealed(owner)).toMatchObject({ valid: true });
  });
  afterAll(() => app.close());

  /** The sealer reads nothing while this happens. */
  async function beforeTheSealer(happens: () => Promise<void>): Promise<void> {
    const holder = new pg.Client({
      connectionString: databaseUrl(testServer().adminUrl, app.database.name),
    });
    await holder.connect();
    await holder.query('BEGIN; LOCK TABLE audit_sealer IN ACCESS EXCLUSIVE MODE');
    await happens();
    await holder.query('COMMIT');
    await holder.end();
  }

  async function newestRow(): Promise<any> {
    const [row] = await app.database.sql(
      `SELECT ${STORED_COLUMNS} FROM audit_log a WHERE team_id = $1 ORDER BY id DESC LIMIT 1`,
      [owner.teamId],
    );
    return row;
  }

  it.each([
    ['of the row itself', `user_agent = 'nobody'`],
    ['of a value', `new_values = new_values || '{"status": "inactive"}'`],
    ['of its digest', `content_digest = sha256('')`],
    ['that takes its digest away', `user_agent = 'nobody', content_digest = NULL`],
    ['of its code', `mac = sha256('')`],
  ])('is named after an edit %s', async (_what, edit) => {
    let id = '';
    await beforeTheSealer(async () => {
      await addClients(owner, 2);
      ({ id } = await newestRow());
      await tamper(app.database, `UPDATE audit_log SET ${edit} WHERE id = '${id}'`);
    });
    expect(await sealed(owner)).toMatchObject({ valid: false, firstBrokenId: id, pendingRows: 0 });
  });

  it.each([
    ['a copy that nothing tells from it', 'mac', 0],
    ['one of its id that nobody of us wrote', `sha256('')`, 1],
  ])('is named when there is %s', async (_what, mac, seals) => {
    let id = '';
    await beforeTheSealer(async () => {
      await addClients(owner, 1);
      ({ id } = await newestRow());
      await app.database.sql(
        `INSERT INTO audit_log (team_id, id, created_at, action, resource_type, resource_id, auth_method, request_id, content_digest, mac)
         SELECT team_id, id, created_at + interval '1 s', action, resource_type, resource_id, auth_method, request_id, content_digest, ${mac}
         FROM audit_log WHERE id = $1`,
        [id],
      );
    });
    expect(await sealed(owner)).toMatchObject({ valid: false, firstBrokenId: id });
    const found = await app.database.sql('SELECT FROM audit_seal WHERE $1 = ANY (ids)', [id]);
    expect(found).toHaveLength(seals);
  });

  it('is named after it was moved to a transaction that is yet to come', async () => {
    let id = '';
    await beforeTheSealer(async () => {
      await addClients(owner, 1);
      ({ id } = await newestRow());
      await tamper(
        app.database,
        `UPDATE audit_log SET written_in = '9223372036854775807' WHERE id = '${id}'`,
      );
    });
    const { json } = await owner.http.get('/v1/audit-log/verify');
    expect(json.data).toMatchObject({ valid: false, firstBrokenId: id });
  });

  it('cannot be dated by the application', async () => {
    for (const [column, value] of [
      ['created_at', `now() - interval '1 day'`],
      ['written_in', `'7'`],
    ]) {
      const insert = app.app.get(Database).run([
        enter({ teamId: owner.teamId, userId: null }, randomUUID()),
        {
          name: null,
          text: `INSERT INTO audit_log (team_id, id, action, resource_type, resource_id, auth_method, request_id, ${column})
            VALUES ($1, gen_random_uuid(), 'UPDATE', 'client', gen_random_uuid(), 'jwt', 'r', ${value})`,
          values: [owner.teamId],
        },
      ]);
      await expect(insert).rejects.toThrow('row-level security');
    }
  });

  it('is sealed and verified as ever when it was written before contents had digests', async () => {
    const before = (await sealed(owner)).checkedRows;
    await beforeTheSealer(async () => {
      await addClients(owner, 2);
      const row = await newestRow();
      const written = writtenOf(row);
      if (written === null) throw new Error('a row of ours');
      const mac = app.app.get(AuditKeys).current.mac(contentText(written));
      await tamper(
        app.database,
        `UPDATE audit_log SET content_digest = NULL, mac = '\\x${mac}' WHERE id = '${row.id}'`,
      );
    });
    await addClients(owner, 1);
    expect(await sealed(owner)).toMatchObject({ valid: true, checkedRows: before + 3 });
    await tamper(
      app.database,
      `UPDATE audit_log SET request_id = 'another' WHERE team_id = '${owner.teamId}' AND content_digest IS NULL`,
    );
    expect(await sealed(owner)).toMatchObject({ valid: false });
  });
});

import pg from 'pg';
import { AuditPartitions } from '../../src/oversight/audit/audit-partitions.js';
import { type Account, registerOwner } from '../harness/accounts.js';
import { addClients, sealed, tamper } from '../harness/audit.js';
import { eventually } from '../harness/eventually.js';
import { inAQuietMoment } from '../harness/quiet-moment.js';
import { databaseUrl, testServer } from '../harness/test-server.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const SEALED_WITHIN_MS = 2000;

describe('the seal of the audit log', () => {
  let app: TestApp;
  let owner: Account;

  beforeAll(async () => {
    app = await startTestApp();
  });
  beforeEach(async () => {
    owner = await registerOwner(app.http);
    await addClients(owner, 4);
    expect((await sealed(owner)).valid).toBe(true);
  });
  afterAll(() => app.close());

  async function rows(): Promise<{ id: string }[]> {
    return app.database.sql(`SELECT id FROM audit_log WHERE team_id = $1 ORDER BY id`, [owner.teamId]);
  }

  it('stands on every row within 2 s of its commit', async () => {
    await inAQuietMoment(async () => {
      // Just after a round of the sealer, so that the row waits for the whole time between two.
      await sealed(owner);
      await addClients(owner, 1);
      await eventually(async () => {
        const { json } = await owner.http.get('/v1/audit-log?limit=1');
        expect(json.data[0].seal?.seq).toBeGreaterThan(0);
      }, SEALED_WITHIN_MS);
    });
    const result = await sealed(owner);
    expect(result).toMatchObject({ valid: true, pendingRows: 0, firstBrokenId: null });
    expect(result.checkedRows).toBe((await rows()).length);
  });

  it('names an edited row', async () => {
    const [, , edited] = await rows();
    await tamper(app.database, `UPDATE audit_log SET user_agent = 'nobody' WHERE id = '${edited.id}'`);
    expect(await sealed(owner)).toMatchObject({ valid: false, firstBrokenId: edited.id });
  });

  it('names a row whose address was given a mask', async () => {
    const [, , edited] = await rows();
    await tamper(
      app.database,
      `UPDATE audit_log SET ip_address = set_masklen(ip_address, 8) WHERE id = '${edited.id}'`,
    );
    expect(await sealed(owner)).toMatchObject({ valid: false, firstBrokenId: edited.id });
  });

  it('names a deleted row', async () => {
    const [, , deleted] = await rows();
    await tamper(app.database, `DELETE FROM audit_log WHERE id = '${deleted.id}'`);
    expect(await sealed(owner)).toMatchObject({ valid: false, firstBrokenId: deleted.id });
  });

  it.each([
    ['without a digest', 'NULL'],
    ['with digest and code of another', 'content_digest'],
  ])(
    'names a row that somebody else inserted %s, before and after the sealer has passed',
    async (_, digest) => {
      const [{ id }] = await app.database.sql(
        `INSERT INTO audit_log (team_id, id, action, resource_type, resource_id, auth_method, request_id, mac, content_digest)
       SELECT team_id, overlay(id::text PLACING '000000000000' FROM 25)::uuid, action, resource_type, resource_id, auth_method,
         request_id, mac, ${digest} FROM audit_log WHERE team_id = $1 LIMIT 1 RETURNING id`,
        [owner.teamId],
      );
      const { json } = await owner.http.get('/v1/audit-log/verify');
      expect(json.data).toMatchObject({ valid: false, firstBrokenId: id });
      expect(await sealed(owner)).toMatchObject({ valid: false, firstBrokenId: id });
      const sealedIds = await app.database.sql('SELECT FROM audit_seal WHERE $1 = ANY (ids)', [id]);
      expect(sealedIds).toEqual([]);
    },
  );

  /** Adds a row like the newest of the team's sealed ones. */
  async function copyRow(changes: Record<string, string>): Promise<string> {
    const columns = await app.database.sql(
      `SELECT attname AS name FROM pg_attribute WHERE attrelid = 'audit_log'::regclass AND attnum > 0 AND NOT attisdropped`,
    );
    const names = columns.map(({ name }) => name as string);
    const [{ id }] = await app.database.sql(
      `INSERT INTO audit_log (${names.join(', ')}) SELECT ${names.map((name) => changes[name] ?? name).join(', ')}
       FROM audit_log WHERE team_id = $1 ORDER BY id DESC LIMIT 1 RETURNING id`,
      [owner.teamId],
    );
    return id;
  }

  it.each([
    // As if it had been there when the batch was sealed: the sealer never sees it.
    ['in the midst of its batch', { user_agent: `'nobody'`, created_at: `created_at - interval '1 ms'` }],
    ['later on', { created_at: `created_at + interval '5 min'`, written_in: 'pg_current_xact_id()' }],
    [
      'with other contents',
      {
        created_at: `created_at + interval '5 min'`,
        written_in: 'pg_current_xact_id()',
        user_agent: `'nobody'`,
      },
    ],
    ['written in no transaction', { created_at: `created_at + interval '1 min'`, written_in: 'NULL' }],
    [
      'yet to be written',
      { created_at: `created_at + interval '1 min'`, written_in: `'9223372036854775807'` },
    ],
  ])('names a row that stands in the log a second time, %s', async (_, changes) => {
    await tamper(app.database, 'ALTER TABLE audit_log ALTER written_in DROP NOT NULL');
    const id = await copyRow(changes);
    expect((await owner.http.get('/v1/audit-log/verify')).json.data).toMatchObject({
      valid: false,
      firstBrokenId: id,
    });
    // The sealer has been at work once more.
    const other = await registerOwner(app.http);
    await addClients(other, 1);
    expect(await sealed(other)).toMatchObject({ valid: true });
    expect((await owner.http.get('/v1/audit-log/verify')).json.data).toMatchObject({
      valid: false,
      firstBrokenId: id,
    });
    const [{ seals }] = await app.database.sql(
      'SELECT count(*)::int AS seals FROM audit_seal WHERE $1 = ANY (ids)',
      [id],
    );
    expect(seals).toBe(1);
  });

  it.each([
    ['without a transaction', 'id', 'NULL'],
    ['of the id that comes before all', `'00000000-0000-0000-0000-000000000000'`, `'9223372036854775807'`],
  ])('names a row %s', async (_, id, writtenIn) => {
    await tamper(app.database, 'ALTER TABLE audit_log ALTER written_in DROP NOT NULL');
    const fresh = `overlay(id::text PLACING '000000000000' FROM 25)::uuid`;
    const named = await copyRow({ id: id === 'id' ? fresh : id, written_in: writtenIn });
    expect((await owner.http.get('/v1/audit-log/verify')).json.data).toMatchObject({
      valid: false,
      firstBrokenId: named,
    });
  });

  it('names one of two rows that changed places', async () => {
    const [, a, b] = await rows();
    await tamper(
      app.database,
      `
      UPDATE audit_log SET id = '00000000-0000-7000-8000-000000000000' WHERE id = '${a.id}';
      UPDATE audit_log SET id = '${a.id}' WHERE id = '${b.id}';
      UPDATE audit_log SET id = '${b.id}' WHERE id = '00000000-0000-7000-8000-000000000000'`,
    );
    const result = await sealed(owner);
    expect(result.valid).toBe(false);
    expect([a.id, b.id]).toContain(result.firstBrokenId);
  });

  it('names the end when the newest rows were cut off with their seals', async () => {
    const { head } = await sealed(owner);
    const firstSeq = Math.max(1, head.seq);
    await tamper(
      app.database,
      `
      DELETE FROM audit_log a USING audit_seal s WHERE s.team_id = '${owner.teamId}' AND s.seq >= ${firstSeq} AND a.id = ANY (s.ids);
      DELETE FROM audit_seal WHERE team_id = '${owner.teamId}' AND seq >= ${firstSeq}`,
    );
    expect(await sealed(owner)).toMatchObject({ valid: false, firstBrokenId: head.lastId });
  });

  it('notices a batch that was rewritten without the key', async () => {
    const [, a] = await rows();
    await tamper(
      app.database,
      `UPDATE audit_seal SET signature = decode(repeat('00', 64), 'hex') WHERE team_id = '${owner.teamId}' AND seq = 1`,
    );
    const result = await sealed(owner);
    expect(result.valid).toBe(false);
    expect(result.firstBrokenId).not.toBeNull();
    expect(a).toBeDefined();
  });

  it('refuses UPDATE, DELETE and TRUNCATE even to the superuser while its triggers stand', async () => {
    for (const table of ['audit_log', 'audit_seal']) {
      await expect(app.database.sql(`DELETE FROM ${table}`)).rejects.toThrow('cannot be changed');
      await expect(app.database.sql(`TRUNCATE ${table}`)).rejects.toThrow('cannot be changed');
      await expect(app.database.sql(`UPDATE ${table} SET team_id = team_id`)).rejects.toThrow(
        'cannot be changed',
      );
    }
  });

  it('misses no row that commits after younger ones, and seals none twice', async () => {
    const late = new pg.Client({ connectionString: databaseUrl(testServer().adminUrl, app.database.name) });
    await late.connect();
    await late.query('BEGIN');
    // A row as the application would have written it, held open while others commit and are sealed.
    await late.query(`CREATE TEMP TABLE held ON COMMIT DROP AS SELECT pg_current_xact_id()`);
    await late.query(
      `INSERT INTO audit_log (team_id, id, action, resource_type, resource_id, auth_method, request_id)
       SELECT team_id, gen_random_uuid(), action, resource_type, resource_id, auth_method, request_id
       FROM audit_log WHERE team_id = $1 LIMIT 1`,
      [owner.teamId],
    );
    const before = (await sealed(owner)).checkedRows;
    await addClients(owner, 2);
    expect((await sealed(owner)).checkedRows).toBe(before + 2);
    await late.query('COMMIT');
    await late.end();
    // It has no code of ours, so the sealer must have met it to call it foreign.
    const result = await sealed(owner);
    expect(result).toMatchObject({ valid: false, checkedRows: before + 2, pendingRows: 0 });
    const [{ doubled }] = await app.database.sql(
      `SELECT count(*)::int - count(DISTINCT id)::int AS doubled FROM audit_seal, unnest(ids) id`,
    );
    expect(doubled).toBe(0);
  });

  it('goes on after exactly as many rows as the sealer takes in one go', async () => {
    const before = (await sealed(owner)).checkedRows;
    const operations = Array.from({ length: 500 }, (_, n) => ({
      action: 'create',
      data: { firstName: `Client ${n}` },
    }));
    const { json } = await owner.http.post('/v1/clients/bulk', { operations, atomic: true });
    expect(json.error).toBeUndefined();
    expect(await sealed(owner)).toMatchObject({
      valid: true,
      checkedRows: before + 500,
      head: { rows: 500 },
    });
    await addClients(owner, 1);
    expect(await sealed(owner)).toMatchObject({ valid: true, checkedRows: before + 501, pendingRows: 0 });
  });

  it('is shown with the key that checks it', async () => {
    const { json } = await owner.http.get('/v1/audit-log/public-key');
    expect(json.data.publicKey).toContain('BEGIN PUBLIC KEY');
    const { head } = await sealed(owner);
    expect(head.keyId).toBe(json.data.keyId);
  });

  it('finds the partitions of the coming months made ahead, by a function that is all the application may call', async () => {
    await tamper(
      app.database,
      `DO $$ DECLARE part text; BEGIN
        FOR part IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
          WHERE i.inhparent = 'audit_log'::regclass AND c.relname > 'audit_log_' || to_char(now() + interval '32 days', 'YYYY_MM')
            AND c.relname <> 'audit_log_default'
        LOOP EXECUTE format('DROP TABLE %I', part); END LOOP; END $$`,
    );
    await app.app.get(AuditPartitions).make();
    const parts = await app.database.sql(
      `SELECT c.relname, pg_get_userbyid(c.relowner) AS role FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
       WHERE i.inhparent = 'audit_log'::regclass AND c.relname <> 'audit_log_default'`,
    );
    expect(parts.length).toBeGreaterThanOrEqual(7);
    expect(new Set(parts.map(({ role }) => role)).size).toBe(1);
  });
});

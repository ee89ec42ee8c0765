import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { type Account, createKey, registerOwner } from '../harness/accounts.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

describe('a mutation', () => {
  let app: TestApp;
  let owner: Account;

  const newClient = async (fields: object = {}): Promise<string> => {
    const answer = await owner.http.post('/v1/clients', { firstName: 'Robin', ...fields });
    expect(answer.status).toBe(201);
    return answer.json.data.id;
  };
  const auditOf = (id: string) =>
    app.database.sql('SELECT * FROM audit_log WHERE resource_id = $1 ORDER BY id', [id]);

  beforeAll(async () => {
    app = await startTestApp();
    owner = await registerOwner(app.http);
  });
  afterAll(() => app.close());

  it('leaves exactly one audit row with the changed fields, old and new', async () => {
    const id = await newClient();
    const answer = await owner.http.patch(`/v1/clients/${id}`, {
      status: 'inactive',
      type: 'seller',
      tags: [],
    });
    expect(answer.status).toBe(200);
    const rows = await auditOf(id);
    expect(rows.map((row) => row.action)).toEqual(['CREATE', 'UPDATE']);
    expect(rows[1]).toMatchObject({
      old_values: { status: 'active', type: 'buyer' },
      new_values: { status: 'inactive', type: 'seller' },
      request_id: answer.headers['x-request-id'],
      user_id: owner.userId,
      auth_method: 'jwt',
    });
  });

  it('that alters nothing is 200 and leaves no audit row', async () => {
    const id = await newClient();
    const answer = await owner.http.patch(`/v1/clients/${id}`, { status: 'active', firstName: 'Robin' });
    expect([answer.status, answer.json.data.version]).toEqual([200, 1]);
    expect(await auditOf(id)).toHaveLength(1);
  });

  it('rolls back with its audit row, and the answer says nothing of the reason', async () => {
    const id = await newClient();
    await app.database.sql(`
      CREATE FUNCTION break_audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'disk of secrets'; END $$;
      CREATE TRIGGER break_audit BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION break_audit();`);
    try {
      const answer = await owner.http.patch(`/v1/clients/${id}`, { status: 'inactive' });
      expect([answer.status, answer.json.error.code]).toEqual([500, 'INTERNAL']);
      expect(answer.text).not.toMatch(/audit|disk|trigger|plpgsql|clients/i);
      const posted = await owner.http.post('/v1/clients', { firstName: 'Nobody' });
      expect(posted.status).toBe(500);
    } finally {
      await app.database.sql('DROP TRIGGER break_audit ON audit_log; DROP FUNCTION break_audit()');
    }
    expect((await owner.http.get(`/v1/clients/${id}`)).json.data).toMatchObject({
      status: 'active',
      version: 1,
    });
    const [{ count }] = await app.database.sql(
      'SELECT count(*) FROM clients c WHERE NOT EXISTS (SELECT FROM audit_log a WHERE a.resource_id = c.id)',
    );
    expect(count).toBe('0');
  });

  it('of one record by twenty at once loses no change', async () => {
    const id = await newClient({ tags: [] });
    const fields = ['status', 'type', 'notes', 'address'];
    const bodies = Array.from({ length: 20 }, (_, i) => ({
      [fields[i % 2 === 0 ? 2 : 3]]: `by writer ${i}`,
    }));
    const answers = await Promise.all(bodies.map((body) => owner.http.patch(`/v1/clients/${id}`, body)));
    expect(answers.map((answer) => answer.status)).toEqual(bodies.map(() => 200));
    const [{ version }] = await app.database.sql('SELECT version FROM clients WHERE id = $1', [id]);
    expect(version).toBe(21);
    expect(await auditOf(id)).toHaveLength(21);
  });

  it('with the same e-mail from ten at once makes one record; the others are told which', async () => {
    const email = `same-${randomUUID()}@example.com`;
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => owner.http.post('/v1/clients', { firstName: 'Same', email })),
    );
    const made = answers.filter((answer) => answer.status === 201);
    expect(made).toHaveLength(1);
    for (const answer of answers.filter((one) => one.status !== 201)) {
      expect([answer.status, answer.json.error.code]).toEqual([409, 'DUPLICATE']);
      expect(answer.json.error.details).toEqual([{ field: 'id', message: made[0].json.data.id }]);
    }
  });

  it('cannot come around the unit of work: the tables refuse the application role', async () => {
    const id = await newClient();
    const client = new pg.Client({ connectionString: app.database.appUrl });
    await client.connect();
    try {
      await client.query(`SELECT set_config('app.team_id', $1, false)`, [owner.teamId]);
      expect((await client.query('SELECT FROM clients WHERE id = $1', [id])).rowCount).toBe(1);
      await expect(
        client.query(`UPDATE clients SET status = 'inactive' WHERE id = $1`, [id]),
      ).rejects.toMatchObject({
        code: '42501',
      });
      await expect(client.query('DELETE FROM audit_log')).rejects.toMatchObject({ code: '42501' });
      await client.query(`SELECT set_config('app.team_id', '', false)`);
      expect((await client.query('SELECT FROM clients')).rowCount).toBe(0);
    } finally {
      await client.end();
    }
  });
});

describe('Idempotency-Key', () => {
  let app: TestApp;
  let owner: Account;

  beforeAll(async () => {
    app = await startTestApp();
    owner = await registerOwner(app.http);
  });
  afterAll(() => app.close());

  const post = (key: string, body: object, http = owner.http) =>
    http.post('/v1/clients', body, { headers: { 'idempotency-key': key } });

  it('replays the first answer, and refuses another body', async () => {
    const key = randomUUID();
    const first = await post(key, { firstName: 'Once' });
    const again = await post(key, { firstName: 'Once' });
    expect([again.status, again.headers['idempotency-replayed']]).toEqual([201, 'true']);
    expect(again.json.data).toEqual(first.json.data);
    expect(again.headers.etag).toBe(first.headers.etag);
    const other = await post(key, { firstName: 'Twice' });
    expect([other.status, other.json.error.code]).toEqual([422, 'IDEMPOTENCY_MISMATCH']);
  });

  it('lets twenty at once happen once', async () => {
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(key, { firstName: 'Crowd' })));
    const codes = new Set(answers.map((answer) => answer.status));
    expect([...codes].every((status) => status === 201 || status === 409)).toBe(true);
    const ids = new Set(
      answers.filter((answer) => answer.status === 201).map((answer) => answer.json.data.id),
    );
    expect(ids.size).toBe(1);
    const [{ count }] = await app.database.sql(
      `SELECT count(*) FROM audit_log WHERE action = 'CREATE' AND resource_id = $1`,
      [[...ids][0]],
    );
    expect(count).toBe('1');
  });

  it('belongs to one principal', async () => {
    const key = randomUUID();
    const first = await post(key, { firstName: 'Mine' });
    const apiKey = await createKey(owner, ['clients:write', 'clients:read']);
    const other = await post(key, { firstName: 'Mine' }, apiKey.http);
    expect(other.status).toBe(201);
    expect(other.json.data.id).not.toBe(first.json.data.id);
  });

  it('is free again after a refused request', async () => {
    const key = randomUUID();
    expect((await post(key, { firstName: '' })).status).toBe(400);
    expect((await post(key, { firstName: 'Corrected' })).status).toBe(201);
  });

  it('keeps no answer that carries a secret', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const body = { name: 'Once only', scopes: [] };
    expect((await owner.http.post('/v1/api-keys', body, { headers })).status).toBe(201);
    const again = await owner.http.post('/v1/api-keys', body, { headers });
    expect([again.status, again.json.error.code]).toEqual([409, 'CONFLICT']);
    const rows = await app.database.sql(
      'SELECT answer_sealed FROM idempotency_keys WHERE answer_sealed IS NULL',
    );
    expect(rows).toHaveLength(1);
  });

  it("takes over a crashed request's key after its lease", async () => {
    const key = randomUUID();
    await post(key, { firstName: 'Lease' });
    await app.database.sql(
      `UPDATE idempotency_keys SET status_code = NULL, answer_sealed = NULL, lease_expires_at = now() - interval '1 second'`,
    );
    const again = await post(key, { firstName: 'Lease' });
    expect([again.status, again.headers['idempotency-replayed']]).toEqual([201, undefined]);
    await app.database.sql(
      "UPDATE idempotency_keys SET status_code = NULL, lease_expires_at = now() + interval '1 minute'",
    );
    const running = await post(key, { firstName: 'Lease' });
    expect([running.status, running.json.error.code]).toEqual([409, 'IDEMPOTENCY_IN_PROGRESS']);
  });
});

import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../harness/test-app.js';

/** Rules of the schema that every later migration has to keep, read from PostgreSQL's catalogue. */
describe('the schema', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  it('has no function with borrowed rights that everybody may call, or that looks up names where callers can put them', async () => {
    const open = await database.sql(
      `SELECT p.oid::regprocedure::text AS name FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
       WHERE p.prosecdef AND n.nspname NOT IN ('pg_catalog', 'information_schema')
         AND (has_function_privilege('public', p.oid, 'EXECUTE')
           OR coalesce(array_to_string(p.proconfig, ';'), '') !~ 'search_path=pg_catalog, pg_temp')`,
    );
    expect(open).toEqual([]);
  });

  it('lets no row refer to a row of another team', async () => {
    const loose = await database.sql(
      `SELECT k.conrelid::regclass::text || ': ' || pg_get_constraintdef(k.oid) AS name FROM pg_constraint k
       JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attname = 'team_id'
       JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attname = 'team_id'
       WHERE k.contype = 'f' AND NOT (a.attnum = ANY (k.conkey) AND b.attnum = ANY (k.confkey))`,
    );
    expect(loose).toEqual([]);
  });

  it('takes no statistics of what audit rows hold of people and values, in months to come either', async () => {
    await database.sql('SELECT latchkey.make_audit_partitions(24)');
    const sampled = await database.sql(
      `SELECT a.attrelid::regclass::text || '.' || a.attname AS name FROM pg_attribute a
       WHERE a.attrelid IN (SELECT relid FROM pg_partition_tree('audit_log')) AND a.attstattarget IS DISTINCT FROM 0
         AND a.attname IN ('old_values', 'new_values', 'sealed', 'ip_address', 'user_agent')`,
    );
    expect(sampled).toEqual([]);
  });

  it('keeps every team, so that no record of one needs to look for it', async () => {
    const id = '01990000-0000-7000-8000-000000000001';
    await database.sql(`INSERT INTO teams (id, name) VALUES ($1, 'Harbor Realty')`, [id]);
    for (const loss of [
      'DELETE FROM teams WHERE false',
      `DELETE FROM teams WHERE id = '${id}'`,
      `UPDATE teams SET id = gen_random_uuid() WHERE id = '${id}'`,
      'TRUNCATE teams CASCADE',
    ])
      await expect(database.sql(loss)).rejects.toThrow('a team stays');
    await database.sql(`UPDATE teams SET name = 'Harbor Homes' WHERE id = $1`, [id]);
    const [{ n }] = await database.sql('SELECT count(*)::int AS n FROM teams WHERE id = $1', [id]);
    expect(n).toBe(1);
    const grants = await database.sql(
      `SELECT grantee, privilege_type FROM information_schema.role_table_grants
       WHERE table_name = 'teams' AND grantee IN ('latchkey_app', 'latchkey_lookup') AND privilege_type IN ('DELETE', 'TRUNCATE', 'TRIGGER')`,
    );
    expect(grants).toEqual([]);
  });

  it('takes no word that a column does not know, whoever writes', async () => {
    const columns = await database.sql(
      `SELECT c.table_name AS name, c.column_name AS "column", c.domain_name AS domain FROM information_schema.columns c
       WHERE c.table_schema = 'public' AND c.domain_name IS NOT NULL ORDER BY 1, 2`,
    );
    expect(
      columns.map(({ name, column, domain }) => `${name as string}.${column as string}: ${domain as string}`),
    ).toEqual([
      'appointments.status: appointment_status',
      'appointments.type: appointment_type',
      'clients.status: client_status',
      'clients.type: client_type',
      'escrows.status: escrow_status',
      'leads.lead_status: lead_status',
      'leads.lead_type: lead_type',
      'listings.status: listing_status',
    ]);
    for (const { domain } of columns)
      await expect(database.sql(`SELECT 'unheard of'::${domain as string}`)).rejects.toThrow(/is_known/);
  });

  it('takes no row of the audit log about anything but the three kinds of change', async () => {
    const application = new pg.Client({ connectionString: database.appUrl });
    await application.connect();
    const teamId = randomUUID();
    const write = async (action: string): Promise<void> => {
      await application.query('BEGIN');
      await application.query(
        `SELECT set_config('app.team_id', $1, true), set_config('app.unit_of_work', 'one', true)`,
        [teamId],
      );
      const row = `INSERT INTO audit_log (team_id, id, action, resource_type, resource_id, auth_method, request_id)
        VALUES ($1, gen_random_uuid(), $2, 'client', gen_random_uuid(), 'jwt', 'one')`;
      await application.query(row, [teamId, action]).finally(() => application.query('ROLLBACK'));
    };
    await write('UPDATE');
    await expect(write('PEEK')).rejects.toThrow(/row-level security/);
    await application.end();
  });

  it('takes no batch of the audit log whose number is another one in JavaScript', async () => {
    const batch = `INSERT INTO audit_seal (team_id, seq, ids, digests, total_rows, first_created_at, last_created_at, sealed_at, root, previous_root,
        key_id, signature)
      SELECT gen_random_uuid(), $1::bigint, '{}', '', 1, now(), now(), now(), zeros, zeros, 'key', zeros || zeros
      FROM decode(repeat('00', 32), 'hex') zeros`;
    await expect(database.sql(batch, ['9007199254740993'])).rejects.toThrow(/audit_seal_seq_is_safe/);
    await database.sql(batch, ['9007199254740991']);
  });
});

import pg from 'pg';
import { newId } from '../../src/platform/crypto/new-id.js';
import { type Account, registerOwner } from '../harness/accounts.js';
import { tamper } from '../harness/audit.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';
import { databaseUrl, testServer } from '../harness/test-server.js';

const PAGE = 500;
const PAGES = 20;

describe('the sealer after an outage', () => {
  let app: TestApp;
  let owner: Account;

  beforeAll(async () => {
    app = await startTestApp({ env: { ROLE: 'api' } });
    owner = await registerOwner(app.http);
    // What PostgreSQL knows of the log is from before, and it must not look again by itself in the middle of the test.
    await app.database.sql(`DO $$ DECLARE part regclass; BEGIN
      FOR part IN SELECT relid FROM pg_partition_tree('audit_log') WHERE isleaf LOOP
        EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = off)', part);
      END LOOP; END $$`);
    await app.database.sql('ANALYZE audit_log');
    const ids = Array.from({ length: PAGE * PAGES }, () => newId()).join(',');
    await tamper(
      app.database,
      `INSERT INTO audit_log (team_id, id, action, resource_type, resource_id, auth_method, new_values, request_id)
       SELECT '${owner.teamId}', id, 'UPDATE', 'client', '${owner.userId}', 'jwt', '{}', 'usual' FROM unnest('{${ids}}'::uuid[]) id`,
    );
  });
  afterAll(() => app.close());

  it('reads a page of the rows that wait, not all of them for every page', async () => {
    const client = new pg.Client({ connectionString: databaseUrl(testServer().adminUrl, app.database.name) });
    await client.connect();
    try {
      await client.query('BEGIN');
      const page = await client.query(`SELECT id FROM latchkey.audit_to_seal(${PAGE})`);
      const { rows } = await client.query(
        `SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int AS read FROM pg_stat_xact_user_tables WHERE relname LIKE 'audit_log%'`,
      );
      expect(page.rowCount).toBe(PAGE);
      expect(rows[0].read).toBe(PAGE);
    } finally {
      await client.end();
    }
  });
});

import { randomUUID } from 'node:crypto';
import { IMPORT_JOB } from '../../src/crm/imports/import-runner.js';
import { Database } from '../../src/platform/database/database.js';
import { Jobs } from '../../src/platform/jobs/jobs.service.js';
import { type Account, registerOwner } from '../harness/accounts.js';
import { addClients, tamper } from '../harness/audit.js';
import { eventually } from '../harness/eventually.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

/** Bytes that no key opens: the last one is another. */
const ALTER = 'set_byte(sealed, length(sealed) - 1, get_byte(sealed, length(sealed) - 1) # 1)';
const MORE_THAN_A_PAGE = 120;

/** A stored value that does not open is as critical in a stream or a job as in a request that can still say 500. */
describe('a sealed value that does not open', () => {
  let app: TestApp;
  let owner: Account;

  beforeAll(async () => {
    app = await startTestApp();
  });
  beforeEach(async () => {
    owner = await registerOwner(app.http);
  });
  afterAll(() => app.close());

  const alarmSays = (details: object): Promise<void> =>
    eventually(async () => {
      const { json } = await owner.http.get('/v1/security-events?type=suspicious_activity&severity=critical');
      expect(json.data).toHaveLength(1);
      expect(json.data[0]).toMatchObject({
        count: 1,
        details: { rule: 'sealed_value_does_not_open', ...details },
      });
    });

  it.each(['csv', 'ndjson'])('breaks the export of records off and raises the alarm: %s', async (format) => {
    const [oldest] = await addClients(owner, MORE_THAN_A_PAGE);
    await tamper(app.database, `UPDATE clients SET sealed = ${ALTER} WHERE id = '${oldest}'`);
    const answer = owner.http.get(`/v1/clients/export?format=${format}`);
    await expect(answer).rejects.toThrow();
    await alarmSays({ route: 'GET /v1/clients/export' });
  });

  it.each(['csv', 'ndjson'])(
    'breaks the export of the audit log off and raises the alarm: %s',
    async (format) => {
      const [id] = await addClients(owner, 1);
      await tamper(app.database, `UPDATE audit_log SET sealed = ${ALTER} WHERE resource_id = '${id}'`);
      await expect(owner.http.get(`/v1/audit-log/export?format=${format}`)).rejects.toThrow();
      await alarmSays({ route: 'GET /v1/audit-log/export' });
    },
  );

  it('raises the alarm of its team in a job', async () => {
    const importId = await unfinishedImport();
    await tamper(app.database, `UPDATE import_chunks SET sealed = ${ALTER} WHERE import_id = '${importId}'`);
    const job = { name: IMPORT_JOB, data: { teamId: owner.teamId, importId } };
    await app.app.get(Database).run([app.app.get(Jobs).enqueue(job)]);
    await alarmSays({ job: IMPORT_JOB });
    await app.database.sql(`DELETE FROM pgboss.job WHERE name = $1`, [IMPORT_JOB]);
  });

  it('raises the alarm of the installation when the data of a job was moved', async () => {
    const job = { name: IMPORT_JOB, data: { teamId: owner.teamId, importId: randomUUID() } };
    const startAfter = new Date(Date.now() + 3_600_000);
    await app.app.get(Database).run([app.app.get(Jobs).enqueue({ ...job, startAfter })]);
    await app.database.sql(
      `UPDATE pgboss.job SET id = gen_random_uuid(), start_after = now() WHERE name = $1 AND state = 'created'`,
      [IMPORT_JOB],
    );
    await eventually(async () => {
      const rows = await app.database.sql(
        `SELECT severity FROM platform_security_events WHERE details->>'job' = $1`,
        [IMPORT_JOB],
      );
      expect(rows).toContainEqual({ severity: 'critical' });
    });
    await app.database.sql(`DELETE FROM pgboss.job WHERE name = $1`, [IMPORT_JOB]);
  });

  /** An import whose file waits to be read, without a job that does. */
  async function unfinishedImport(): Promise<string> {
    const raw = [
      '--b\r\ncontent-disposition: form-data; name="dryRun"\r\n\r\ntrue\r\n',
      '--b\r\ncontent-disposition: form-data; name="file"; filename="a.csv"\r\ncontent-type: text/csv\r\n\r\n',
      'firstName\r\nIda\r\n\r\n--b--\r\n',
    ].join('');
    const headers = { 'content-type': 'multipart/form-data; boundary=b' };
    const answer = await owner.http.send('POST', '/v1/leads/import', { raw, headers });
    expect([answer.status, answer.text]).toEqual([202, expect.any(String)]);
    const { id } = answer.json.data;
    await eventually(async () => {
      expect((await owner.http.get(`/v1/imports/${id}`)).json.data.finishedAt).not.toBeNull();
    });
    await tamper(
      app.database,
      `UPDATE imports SET finished_at = NULL, status = 'running', processed = 0 WHERE id = '${id}'`,
    );
    return id;
  }
});

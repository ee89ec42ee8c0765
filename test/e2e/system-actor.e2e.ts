import { type Account, registerOwner } from '../harness/accounts.js';
import { sealed } from '../harness/audit.js';
import { moveClock } from '../harness/clock.js';
import { eventually } from '../harness/eventually.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

/**
 * Every job of the installation, and what it changes of a team's records. Who adds a job must say which it is:
 * a change of a team's record has an audit row with the actor `system` (`SystemWork`), shown by a test.
 */
const JOBS: Record<string, 'audited as system' | `nothing of a team: ${string}`> = {
  'alert-digest': 'nothing of a team: it reads events and sends mails',
  'alert-webhook': 'nothing of a team: it delivers what was recorded',
  'api-key-expiry':
    'nothing of a team: it notes which warnings were mailed, and forgets hourly counts of use',
  'attempts-purge': 'nothing of a team: counters of failed sign-ins belong to the installation',
  'audit-partitions': 'nothing of a team: it makes empty tables',
  'audit-retention': 'audited as system',
  'forget-import-files': 'audited as system',
  'import-records': 'audited as system',
  'password-reset-request':
    'nothing of a team: a mailed token changes nothing until its person uses it, which is audited',
  'security-events-expire': 'nothing of a team: it forgets events, which are no records of the CRM',
  mail: 'nothing of a team: it delivers what was staged',
  'idempotency-purge':
    'nothing of a team: answers to requests that were audited, which nobody is given any more',
  'sessions-purge': 'nothing of a team: its sessions ended a month ago, and their end was audited',
};
const EIGHT_DAYS_MS = 8 * 86_400_000;

describe('what jobs change of a team', () => {
  let app: TestApp;
  let owner: Account;

  beforeAll(async () => {
    app = await startTestApp();
    owner = await registerOwner(app.http);
  });
  afterEach(() => moveClock(app, 0));
  afterAll(() => app.close());

  const systemRows = (resourceId: string): Promise<any[]> =>
    app.database.sql(
      `SELECT action, resource_type, user_id, api_key_id, ip_address, request_id, old_values, new_values FROM audit_log
       WHERE team_id = $1 AND resource_id = $2 AND auth_method = 'system' ORDER BY id`,
      [owner.teamId, resourceId],
    );
  const nobody = { user_id: null, api_key_id: null, ip_address: null };

  async function importFile(content: string): Promise<string> {
    const raw = `--b\r\ncontent-disposition: form-data; name="file"; filename="a.csv"\r\ncontent-type: text/csv\r\n\r\n${content}\r\n--b--\r\n`;
    const headers = { 'content-type': 'multipart/form-data; boundary=b' };
    const answer = await owner.http.send('POST', '/v1/leads/import', { raw, headers });
    expect([answer.status, answer.text]).toEqual([202, expect.any(String)]);
    const { id } = answer.json.data;
    await eventually(async () => {
      expect((await owner.http.get(`/v1/imports/${id}`)).json.data.finishedAt).not.toBeNull();
    });
    return id;
  }

  it('is listed for every job', async () => {
    const queues = await app.database.sql('SELECT name FROM pgboss.queue ORDER BY name');
    expect(queues.map(({ name }) => name)).toEqual(Object.keys(JOBS).sort());
  });

  it('has an audit row of the system when an import ends', async () => {
    const id = await importFile('firstName\r\nIda\r\nOtto');
    expect(await systemRows(id)).toEqual([
      {
        ...nobody,
        action: 'UPDATE',
        resource_type: 'import',
        request_id: 'job-import-records',
        old_values: { status: expect.stringMatching(/queued|running/) },
        new_values: { status: 'completed' },
      },
    ]);
    // What the job writes for the person who started it stays that person's.
    const [{ leads }] = await app.database.sql(
      `SELECT count(*)::int AS leads FROM audit_log WHERE team_id = $1 AND resource_type = 'lead' AND auth_method = 'jwt' AND user_id = $2`,
      [owner.teamId, owner.userId],
    );
    expect(leads).toBe(2);
  });

  it('has one when an uploaded file is deleted after a week', async () => {
    const id = await importFile('firstName\r\nIda\r\n');
    const chunks = (): Promise<any[]> =>
      app.database.sql('SELECT FROM import_chunks WHERE import_id = $1', [id]);
    expect(await chunks()).not.toEqual([]);
    moveClock(app, EIGHT_DAYS_MS);
    await eventually(async () => expect(await chunks()).toEqual([]));
    const [, deleted, ...more] = await systemRows(id);
    expect(more).toEqual([]);
    expect(deleted).toMatchObject({
      ...nobody,
      action: 'DELETE',
      resource_type: 'import_file',
      request_id: 'job-forget-import-files',
      old_values: { uploadedBefore: expect.any(String) },
    });
    moveClock(app, 0);
    const shown = await owner.http.get(`/v1/audit-log?resourceId=${id}&limit=1`);
    expect(shown.json.data[0]).toMatchObject({
      authMethod: 'system',
      userId: null,
      resourceType: 'import_file',
    });
    expect((await sealed(owner)).valid).toBe(true);
  });
});

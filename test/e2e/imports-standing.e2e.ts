import { parse } from 'csv-parse/sync';
import { type Account, createKey, registerOwner } from '../harness/accounts.js';
import type { HttpClient } from '../harness/http-client.js';
import { addMember, changeRole } from '../harness/members.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';
import { until } from '../harness/until.js';
import { uploadCsv } from '../harness/uploads.js';

const ROWS = 6000;
const LEADS = `firstName,email\n${Array.from({ length: ROWS }, (_, n) =>
  // Each tenth is refused, so that there is something to report.
  n % 10 === 9 ? `,row${n}@example.com\n` : `Robin,row${n}@example.com\n`,
).join('')}`;

/** An import outlives its request; whoever loses the right to write half-way writes no further. */
describe('an import whose caller loses the right to write', () => {
  let app: TestApp;
  let owner: Account;

  beforeAll(async () => {
    app = await startTestApp();
  });
  beforeEach(async () => {
    owner = await registerOwner(app.http);
  });
  afterAll(() => app.close());

  const state = async (id: string): Promise<any> => (await owner.http.get(`/v1/imports/${id}`)).json.data;

  /** Starts an import, takes the right away when it has begun, and returns how it ended. */
  const interrupted = async (http: HttpClient, takeAway: () => Promise<unknown>): Promise<any> => {
    const { id } = (await uploadCsv(http, 'leads', LEADS)).json.data;
    await until(async () => ((await state(id)).processed > 0 ? [true] : []));
    await takeAway();
    const [ended] = await until(async () => {
      const now = await state(id);
      return now.finishedAt === null ? [] : [now];
    });
    return ended;
  };

  const expectStopped = async (ended: any, reason: string): Promise<void> => {
    expect(ended).toMatchObject({ status: 'stopped', total: null });
    expect(ended.reason).toContain(reason);
    expect(ended.processed).toBeGreaterThan(0);
    expect(ended.processed).toBeLessThan(ROWS);
    const errors = parse((await owner.http.get(`/v1/imports/${ended.id}/errors`)).text, { columns: true });
    expect(ended.imported + errors.length).toBe(ended.processed);
    const [kept] = await app.database.sql(
      `SELECT (SELECT count(*)::int FROM leads WHERE team_id = $1) AS leads,
        (SELECT count(*)::int FROM audit_log WHERE team_id = $1 AND resource_type = 'lead') AS audited,
        (SELECT count(*)::int FROM pgboss.job WHERE name = 'import-records') AS jobs`,
      [owner.teamId],
    );
    expect(kept).toEqual({ leads: ended.imported, audited: ended.imported, jobs: 0 });
  };

  it('stops at a demotion', async () => {
    const agent = await addMember(app, owner, 'agent');
    const ended = await interrupted(agent.http, () => changeRole(app, agent, 'viewer'));
    await expectStopped(ended, 'may not write');
  });

  it('stops at a removal', async () => {
    const agent = await addMember(app, owner, 'agent');
    const ended = await interrupted(agent.http, async () => {
      expect((await owner.http.delete(`/v1/team/members/${agent.userId}`)).status).toBe(200);
    });
    await expectStopped(ended, 'no longer');
  });

  it('stops at the revocation of its key', async () => {
    const key = await createKey(owner, ['leads:write', 'leads:read']);
    const ended = await interrupted(key.http, async () => {
      expect((await owner.http.delete(`/v1/api-keys/${key.id}`)).status).toBe(200);
    });
    await expectStopped(ended, 'no longer');
  });

  it('stops when its key loses the scope', async () => {
    const key = await createKey(owner, ['leads:write', 'leads:read']);
    const ended = await interrupted(key.http, async () => {
      const scopes = ['leads:read'];
      expect((await owner.http.patch(`/v1/api-keys/${key.id}`, { scopes })).status).toBe(200);
    });
    await expectStopped(ended, 'may not write');
  });
});

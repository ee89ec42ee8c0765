import { ExpiryWarnings } from '../../src/identity/api-keys/expiry-warnings.service.js';
import { type Account, createKey, registerOwner } from '../harness/accounts.js';
import { moveClock } from '../harness/clock.js';
import { eventually } from '../harness/eventually.js';
import { mailsOf } from '../harness/mailbox.js';
import { addMember } from '../harness/members.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const DAY_MS = 86_400_000;

describe('expiry of API keys', () => {
  let workers: TestApp[];
  let app: TestApp;
  let owner: Account;

  beforeAll(async () => {
    app = await startTestApp();
    workers = [app, await startTestApp({ database: app.database })];
    owner = await registerOwner(app.http);
  });
  afterAll(async () => {
    await workers[1].close();
    await app.close();
  });
  afterEach(() => moveAll(0));

  it('7 days and 1 day before, its owner and the team’s admins get a mail each, once with two workers', async () => {
    const admin = await addMember(app, owner, 'admin');
    const agent = await addMember(app, owner, 'agent');
    await addMember(app, owner, 'agent');
    const key = await createKey(agent, ['clients:read'], { name: 'Website form', expiresInDays: 30 });
    const people = [admin, agent, owner].map(({ email }) => email).sort();
    const weeksMail = people.map((to) => `${to}: API key expires within 7 days: Website form`);
    const daysMail = people.map((to) => `${to}: API key expires within a day: Website form`);

    moveAll(22.9 * DAY_MS);
    await runEverywhere();
    expect(warningsAbout('Website form')).toEqual([]);
    moveAll(23.1 * DAY_MS);
    await runEverywhere();
    await eventually(() => expect(warningsAbout('Website form')).toEqual(weeksMail));
    moveAll(28.9 * DAY_MS);
    await runEverywhere();
    moveAll(29.1 * DAY_MS);
    await runEverywhere();
    const all = [...daysMail, ...weeksMail].sort();
    await eventually(() => expect(warningsAbout('Website form')).toEqual(all));
    moveAll(31 * DAY_MS);
    await runEverywhere();
    expect(await markers(key.id)).toEqual([1, 7]);
    expect(warningsAbout('Website form')).toEqual(all);
    const [mail] = workers.flatMap(mailsOf).filter(({ subject }) => subject.includes('Website form'));
    expect(mail.text).not.toContain(key.key);
  });

  it('without anybody’s help: the workers find out by their own clock', async () => {
    await createKey(owner, [], { name: 'Nightly sync', expiresInDays: 60 });
    moveAll(53.1 * DAY_MS);
    await eventually(() => expect(warningsAbout('Nightly sync').length).toBeGreaterThan(0));
  });

  it('revoked, rotated and just made short keys are no reason to write; a longer life is warned of anew', async () => {
    const revoked = await createKey(owner, [], { name: 'Revoked', expiresInDays: 30 });
    await owner.http.delete(`/v1/api-keys/${revoked.id}`);
    const rotated = await createKey(owner, [], { name: 'Rotated', expiresInDays: 30 });
    await owner.http.post(`/v1/api-keys/${rotated.id}/rotate`, { overlapHours: 168 });
    await createKey(owner, [], { name: 'Short', expiresInDays: 3 });
    const extended = await createKey(owner, [], { name: 'Extended', expiresInDays: 8 });
    moveAll(1.1 * DAY_MS);
    await runEverywhere();
    const expiresAt = new Date(Date.now() + 100 * DAY_MS).toISOString();
    await owner.http.patch(`/v1/api-keys/${extended.id}`, { expiresAt });
    moveAll(2.1 * DAY_MS);
    await runEverywhere();
    moveAll(93.1 * DAY_MS);
    await runEverywhere();
    expect(await markers(revoked.id)).toEqual([]);
    expect(await markers(rotated.id)).toEqual([]);
    expect(await markers(extended.id)).toEqual([7, 7]);
    await eventually(() => {
      expect(warningsAbout('Short')).toContain(`${owner.email}: API key expires within a day: Short`);
    });
    expect(warningsAbout('Short').join()).not.toContain('7 days');
    expect(warningsAbout('Revoked')).toEqual([]);
  });

  it('two workers that find the same warning due at the same moment send it once', async () => {
    const keys = await Promise.all(
      Array.from({ length: 12 }, () => createKey(owner, [], { name: 'Twin', expiresInDays: 20 })),
    );
    moveAll(13.5 * DAY_MS);
    await runEverywhere();
    for (const { id } of keys) expect(await markers(id)).toEqual([7]);
    const [{ managers }] = await app.database.sql(
      `SELECT count(*)::int AS managers FROM memberships WHERE team_id = $1 AND role IN ('owner', 'admin')`,
      [owner.teamId],
    );
    await eventually(() => expect(warningsAbout('Twin')).toHaveLength(12 * managers));
  });

  function moveAll(byMs: number): void {
    for (const worker of workers) moveClock(worker, byMs);
  }

  async function runEverywhere(): Promise<void> {
    await Promise.all(workers.map((worker) => worker.app.get(ExpiryWarnings).run()));
  }

  function warningsAbout(name: string): string[] {
    return workers
      .flatMap(mailsOf)
      .filter(({ subject }) => subject.endsWith(`: ${name}`))
      .map(({ to, subject }) => `${to}: ${subject}`)
      .sort();
  }

  async function markers(id: string): Promise<number[]> {
    const rows = await app.database.sql(
      'SELECT days_before FROM api_key_expiry_warnings WHERE api_key_id = $1 ORDER BY 1',
      [id],
    );
    return rows.map((row) => row.days_before);
  }
});

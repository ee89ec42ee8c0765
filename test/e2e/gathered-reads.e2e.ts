import { randomUUID } from 'node:crypto';
import { Database } from '../../src/platform/database/database.js';
import type { Statement } from '../../src/platform/database/statement.js';
import { inTenant } from '../../src/platform/database/tenant-read.js';
import { type Account, registerOwner } from '../harness/accounts.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

/** Every client that the statement can see, whatever it asks for: only the tenant setting narrows it. */
const everythingVisible = (teamId: string): Statement => ({
  name: 'test:visible',
  text: inTenant(`SELECT t.id, t.team_id FROM clients t WHERE x.team IS NOT NULL LIMIT 100`),
  values: [teamId],
});

describe('reads that share a round trip', () => {
  let app: TestApp;
  let database: Database;
  let teams: { account: Account; clientId: string }[];

  beforeAll(async () => {
    app = await startTestApp();
    database = app.app.get(Database);
    teams = [];
    for (let i = 0; i < 4; i++) {
      const account = await registerOwner(app.http);
      const made = await account.http.post('/v1/clients', { firstName: `Person ${i}` });
      teams.push({ account, clientId: made.json.data.id as string });
    }
  });
  afterAll(() => app.close());

  it('give every tenant its own rows, also next to other tenants in the same transaction', async () => {
    const asked = Array.from({ length: 40 }, (_, i) => teams[i % teams.length]);
    const found = await Promise.all(
      asked.map(({ account }) => database.readQuick(everythingVisible(account.teamId))),
    );
    asked.forEach(({ account, clientId }, i) =>
      expect(found[i]).toEqual([{ id: clientId, team_id: account.teamId }]),
    );
  });

  it('refuse a statement that does not set its own tenant, before it meets a neighbour’s', async () => {
    const bare: Statement = { name: null, text: 'SELECT id, $1 AS team FROM clients', values: ['x'] };
    const neighbour = database.readQuick(everythingVisible(teams[0].account.teamId));
    await expect(database.readQuick(bare)).rejects.toThrow('must set its own tenant');
    await expect(neighbour).resolves.toHaveLength(1);
  });

  it('fail alone: a neighbour’s error is nobody else’s', async () => {
    const broken: Statement = {
      name: null,
      text: inTenant('SELECT 1 / (length(x.team) - 36) AS boom'),
      values: [teams[1].account.teamId],
    };
    const [before, failed, after] = await Promise.allSettled([
      database.readQuick(everythingVisible(teams[0].account.teamId)),
      database.readQuick(broken),
      database.readQuick(everythingVisible(teams[2].account.teamId)),
    ]);
    expect(before).toMatchObject({ status: 'fulfilled', value: [{ id: teams[0].clientId }] });
    expect(failed).toMatchObject({ status: 'rejected', reason: { code: '22012' } });
    expect(after).toMatchObject({ status: 'fulfilled', value: [{ id: teams[2].clientId }] });
  });

  it('answer over HTTP as if they were alone', async () => {
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, i) => {
        const own = teams[i % teams.length];
        const foreign = teams[(i + 1) % teams.length];
        const id = [own.clientId, foreign.clientId, randomUUID()][i % 3];
        return own.account.http.get(`/v1/clients/${id}`);
      }),
    );
    answers.forEach((answer, i) => {
      expect(answer.status).toBe(i % 3 === 0 ? 200 : 404);
      if (i % 3 === 0) expect(answer.json.data.id).toBe(teams[i % teams.length].clientId);
    });
  });
});

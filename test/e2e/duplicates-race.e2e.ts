import { type Account, registerOwner } from '../harness/accounts.js';
import { whileWritesWait } from '../harness/held-writes.js';
import type { Answer } from '../harness/http-client.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const person = (n: number) => ({
  firstName: 'Sam',
  lastName: 'Twice',
  email: `twice.${n}@example.com`,
  phone: `+1201555${String(n).padStart(4, '0')}`,
});

/** Two who add the same person at the same moment: neither sees the other's record, but one waits for the other. */
describe('the same person from two instances at once', () => {
  let app: TestApp;
  let other: TestApp;
  let owner: Account;

  beforeAll(async () => {
    app = await startTestApp();
    other = await startTestApp({ database: app.database });
    owner = await registerOwner(app.http);
  });
  afterAll(async () => {
    await other.close();
    await app.close();
  });

  const fromBoth = async (path: string, body: object): Promise<[number, string][]> => {
    const headers = { authorization: `Bearer ${owner.accessToken}` };
    const ask = (instance: TestApp) => (): Promise<Answer> => instance.http.with(headers).post(path, body);
    const answers = await whileWritesWait(app, 'blind_index', [ask(app), ask(other)]);
    const found = answers.map(({ status, json }): [number, string] => [status, json.error?.code ?? 'ok']);
    return found.sort(([a], [b]) => a - b);
  };
  it.each(['clients', 'leads'])('is one record of %s', async (resource) => {
    expect(await fromBoth(`/v1/${resource}`, person(1))).toEqual([
      [201, 'ok'],
      [409, 'DUPLICATE'],
    ]);
    expect((await owner.http.get(`/v1/${resource}?email=${person(1).email}`)).json.data).toHaveLength(1);
  });

  it('is one record when many come together', async () => {
    const operations = [2, 3, 4].map((n) => ({ action: 'create', data: person(n) }));
    expect(await fromBoth('/v1/leads/bulk', { operations, atomic: true })).toEqual([
      [200, 'ok'],
      [409, 'DUPLICATE'],
    ]);
  });
});

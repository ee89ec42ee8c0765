import { type Account, createKey, registerOwner } from '../harness/accounts.js';
import { until } from '../harness/until.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const PLANTED = {
  firstName: 'Zéphyrine',
  lastName: 'Quackenbush',
  email: 'zephyrine.quackenbush@example.com',
  phone: '+15559876543',
  notes: 'Allergic to xylophones',
};
const TRACES = /z(é|e)phyrine|quackenbush|9876543|xylophone/i;

describe.each(['leads', 'clients'])('%s as people', (resource) => {
  let app: TestApp;
  let owner: Account;
  let id: string;
  const path = `/v1/${resource}`;

  beforeAll(async () => {
    app = await startTestApp();
    owner = await registerOwner(app.http);
    const answer = await owner.http.post(path, PLANTED);
    id = answer.json.data.id;
    await owner.http.post(path, { firstName: 'Somebody', lastName: 'Else', phone: '+15551110000' });
  });
  afterAll(() => app.close());

  it.each([
    `q=${encodeURIComponent('zéph')}`,
    'q=QUACKENBUSH%20zephyrine',
    'q=6543',
    'email=Zephyrine.Quackenbush@example.com',
    `phone=${encodeURIComponent('(555) 987-6543')}`,
  ])('are found by %s, with the pii scope only', async (search) => {
    const found = await owner.http.get(`${path}?${search}`);
    expect(found.json.data.map((row: { id: string }) => row.id)).toEqual([id]);
    const key = await createKey(owner, [`${resource}:read`]);
    const refused = await key.http.get(`${path}?${search}`);
    expect([refused.status, refused.json.error.code]).toEqual([403, 'INSUFFICIENT_SCOPE']);
  });

  it('refuse a mask that comes back', async () => {
    const key = await createKey(owner, [`${resource}:read`, `${resource}:write`]);
    const { email, phone, lastName } = (await key.http.get(`${path}/${id}`)).json.data;
    expect([email, phone, lastName]).toEqual(['ze***@example.com', '+1(555)***-**43', 'Q.']);
    for (const mask of [{ email }, { phone }, { lastName }])
      expect([mask, (await key.http.patch(`${path}/${id}`, mask)).status]).toEqual([mask, 400]);
    expect((await owner.http.get(`${path}/${id}`)).json.data.lastName).toBe(PLANTED.lastName);
  });

  it('shown unmasked to a key are a security event; masked, or to a person, they are none', async () => {
    const events = async () =>
      (await owner.http.get('/v1/security-events?type=sensitive_data_access')).json.data as unknown[];
    await owner.http.get(`${path}/${id}`);
    const masked = await createKey(owner, [`${resource}:read`]);
    await masked.http.get(`${path}/${id}`);
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(await events()).toEqual([]);
    const open = await createKey(owner, [`${resource}:read`, `${resource}:pii`]);
    await open.http.get(path);
    expect(await until(events)).toEqual([
      expect.objectContaining({ type: 'sensitive_data_access', apiKeyId: open.id }),
    ]);
  });

  it('leave no trace in any table, as a dump of the database would show it', async () => {
    await owner.http.patch(`${path}/${id}`, { notes: 'Allergic to xylophones, and bells' });
    await owner.http.post('/v1/appointments', {
      title: 'Call Zéphyrine Quackenbush',
      startsAt: '2026-12-01T10:00:00Z',
      endsAt: '2026-12-01T11:00:00Z',
    });
    await owner.http.post('/v1/escrows', { escrowNumber: 'E-1', checklist: [{ label: 'Ask Quackenbush' }] });
    const tables = await app.database.sql(
      `SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')`,
    );
    expect(tables.length).toBeGreaterThan(15);
    let rows = 0;
    for (const { name } of tables) {
      for (const { row } of await app.database.sql(`SELECT t::text AS row FROM ${name} t`)) {
        rows++;
        const text = String(row);
        const decoded = text.replace(/\\\\x([0-9a-f]+)/g, (_, hex: string) =>
          Buffer.from(hex, 'hex').toString(),
        );
        expect([name, TRACES.test(text) || TRACES.test(decoded)]).toEqual([name, false]);
      }
    }
    expect(rows).toBeGreaterThan(20);
    expect(TRACES.test(app.logged())).toBe(false);
  });
});

import { request } from 'node:http';
import { parse } from 'csv-parse/sync';
import { type Account, createKey, registerOwner } from '../harness/accounts.js';
import { moveClock } from '../harness/clock.js';
import { download } from '../harness/download.js';
import { addMember } from '../harness/members.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';
import { until } from '../harness/until.js';

const RESOURCES = ['clients', 'leads', 'appointments', 'listings', 'escrows'];
const ELEVEN_MINUTES_MS = 11 * 60_000;
const MEGABYTE = 1024 * 1024;

const asCsv = (text: string): Record<string, string>[] => parse(text, { columns: true });
const asLines = (text: string): any[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));

describe('an export', () => {
  let app: TestApp;
  let owner: Account;

  beforeAll(async () => {
    app = await startTestApp({ env: { USER_RATE_LIMIT: '100000/900' } });
  });
  beforeEach(async () => {
    owner = await registerOwner(app.http);
  });
  afterEach(() => moveClock(app, 0));
  afterAll(() => app.close());

  const addClients = async (count: number): Promise<void> => {
    const operations = Array.from({ length: count }, (_, n) => ({
      action: 'create',
      data: { firstName: 'Jordan', lastName: 'Rivera', email: `rivera.${n}@example.com`, tags: ['a', 'b'] },
    }));
    expect((await owner.http.post('/v1/clients/bulk', { operations })).status).toBe(200);
  };
  const stepUpEnds = (): void => moveClock(app, ELEVEN_MINUTES_MS);

  it.each(RESOURCES)('of %s is empty but for the header when there is nothing', async (resource) => {
    const csv = await owner.http.get(`/v1/${resource}/export`);
    expect([csv.status, csv.headers['content-type']]).toEqual([200, 'text/csv; charset=utf-8']);
    expect(csv.headers['content-disposition']).toMatch(
      new RegExp(`^attachment; filename="${resource}-\\d{4}-\\d\\d-\\d\\d\\.csv"$`),
    );
    expect(csv.text).toMatch(/^id,[A-Za-z,]+,createdAt,updatedAt\r\n$/);
    const ndjson = await owner.http.get(`/v1/${resource}/export?format=ndjson`);
    expect([ndjson.status, ndjson.text]).toEqual([200, '']);
  });

  it('has every record once over many pages, as the list shows it, in both formats', async () => {
    await addClients(250);
    const lines = asLines((await owner.http.get('/v1/clients/export?format=ndjson')).text);
    expect(new Set(lines.map(({ id }) => id)).size).toBe(250);
    const [newest] = (await owner.http.get('/v1/clients?limit=1')).json.data;
    expect(lines[0]).toEqual(newest);
    const rows = asCsv((await owner.http.get('/v1/clients/export?format=csv')).text);
    expect(rows.map(({ id }) => id)).toEqual(lines.map(({ id }) => id));
    expect(Object.keys(rows[0])).toEqual(Object.keys(newest));
    expect(rows[0]).toMatchObject({ email: newest.email, tags: 'a;b', version: '1', phone: '' });
  });

  it('takes the filters of the list and refuses what the list refuses', async () => {
    await addClients(3);
    await owner.http.post('/v1/clients', { firstName: 'Sam', type: 'seller' });
    const sellers = asLines((await owner.http.get('/v1/clients/export?format=ndjson&type=seller')).text);
    expect(sellers.map(({ firstName }) => firstName)).toEqual(['Sam']);
    const one = await owner.http.get('/v1/clients/export?format=ndjson&email=rivera.1@example.com');
    expect(asLines(one.text)).toHaveLength(1);
    for (const query of ['type=nobody', 'format=xml', 'limit=5', 'cursor=abc', 'q=%20%20%20']) {
      expect([query, (await owner.http.get(`/v1/clients/export?${query}`)).status]).toEqual([query, 400]);
    }
  });

  it('of people needs a fresh session of those who see them unmasked, and is recorded', async () => {
    await addClients(1);
    expect((await owner.http.get('/v1/clients/export')).text).toContain('rivera.0@example.com');
    await until(async () => {
      const events = await owner.http.get('/v1/security-events?type=sensitive_data_access');
      return events.json.data.filter(({ details }: any) => details.resource === 'clients' && details.export);
    });
    stepUpEnds();
    const refused = await owner.http.get('/v1/clients/export');
    expect([refused.status, refused.json.error.code]).toEqual([403, 'STEP_UP_REQUIRED']);
    expect((await owner.http.get('/v1/listings/export')).status).toBe(200);
  });

  it('is masked for a viewer and for a key without the scope, and needs no step-up then', async () => {
    await addClients(1);
    const viewer = await addMember(app, owner, 'viewer');
    const masked = await createKey(owner, ['clients:read']);
    const seeing = await createKey(owner, ['clients:read', 'clients:pii']);
    const blind = await createKey(owner, ['leads:read']);
    stepUpEnds();
    for (const http of [viewer.http, masked.http]) {
      const { status, text } = await http.get('/v1/clients/export');
      expect([status, text.includes('ri***@example.com'), text.includes('rivera.0')]).toEqual([
        200,
        true,
        false,
      ]);
    }
    expect((await seeing.http.get('/v1/clients/export')).text).toContain('rivera.0@example.com');
    expect((await blind.http.get('/v1/clients/export')).json.error.code).toBe('INSUFFICIENT_SCOPE');
  });

  it('has nothing of another team', async () => {
    await addClients(2);
    const stranger = await registerOwner(app.http);
    expect(asLines((await stranger.http.get('/v1/clients/export?format=ndjson')).text)).toEqual([]);
  });

  it('runs no formula in a spreadsheet, and keeps coordinates numbers', async () => {
    const street = '=HYPERLINK("https://example.com","x")';
    await owner.http.post('/v1/listings', { street, city: 'Lake "View", North', longitude: -122.25 });
    const { text } = await owner.http.get('/v1/listings/export');
    expect(asCsv(text)[0]).toMatchObject({
      street: `'${street}`,
      city: 'Lake "View", North',
      longitude: '-122.25',
    });
  });

  it('of 100,000 records takes no more memory than one of a few', async () => {
    await addListings(100_000);
    const { lines, first, grownBytes } = await download(
      app.port,
      '/v1/listings/export?format=csv',
      owner.accessToken,
    );
    expect([lines, first.startsWith('id,street')]).toEqual([100_001, true]);
    // Held as a whole the records are more than a hundred.
    expect(grownBytes / MEGABYTE).toBeLessThan(20);
  });

  it('breaks off when its caller loses the right to it', async () => {
    await addListings(20_000);
    const answer = read('/v1/listings/export?format=ndjson', async (chunk, pause) => {
      if (chunk === 0) await pause(() => owner.http.post('/v1/auth/logout-all'));
    });
    await expect(answer).rejects.toThrow('aborted');
  });

  async function addListings(count: number): Promise<void> {
    await app.database.sql(
      `INSERT INTO listings (team_id, id, street, city, currency, status, price, version, created_at, updated_at)
       SELECT $1, ('01890000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, n || ' Harbor Street',
         'Springfield', 'USD', 'active', n, 1, now(), now() FROM generate_series(1, $2::int) n`,
      [owner.teamId, count],
    );
  }

  /** Reads an answer without keeping it; `pause` stops reading while it works. */
  function read(
    path: string,
    seen: (chunk: number, pause: (work: () => Promise<unknown>) => Promise<void>) => unknown,
  ): Promise<void> {
    const headers = { authorization: `Bearer ${owner.accessToken}` };
    return new Promise((resolve, reject) => {
      request({ host: '127.0.0.1', port: app.http.port, path, headers, agent: false }, (response) => {
        let chunks = 0;
        response.on('data', () => {
          seen(chunks++, async (work) => {
            response.pause();
            await work();
            response.resume();
          });
        });
        response.on('error', reject);
        response.on('end', resolve);
      })
        .on('error', reject)
        .end();
    });
  }
});

import { SecurityEvents } from '../../src/oversight/security-events/security-events.service.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const ADDRESSES = 500;
const REQUESTS = 5000;
const AT_ONCE = 50;
/** What the budgets of a type allow at once and in the two minutes that this may take, and a few more. */
const MOST_ROWS = 160;

describe('a flood of refused requests', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp();
  });
  afterAll(() => app.close());

  it(`${REQUESTS} from ${ADDRESSES} addresses make few rows and lose no count`, async () => {
    const refuse = async (n: number): Promise<number> => {
      const address = n % ADDRESSES;
      const from = `127.${100 + (address % 5)}.${address % 250}.${1 + (address >> 8)}`;
      return (await app.http.get('/v1/clients', { headers: { authorization: 'Bearer a.b.c' }, from })).status;
    };
    const statuses = new Set<number>();
    for (let n = 0; n < REQUESTS; n += AT_ONCE) {
      const batch = Array.from({ length: AT_ONCE }, (_, i) => refuse(n + i));
      for (const status of await Promise.all(batch)) statuses.add(status);
    }
    expect([...statuses]).toEqual([401]);
    await app.app.get(SecurityEvents).flush();
    const [{ rows, total }] = await app.database.sql(
      `SELECT count(*)::int AS rows, sum(count)::int AS total FROM platform_security_events
       WHERE type = 'credential_rejected'`,
    );
    expect(total).toBe(REQUESTS);
    expect(rows).toBeLessThan(MOST_ROWS);
  });
});

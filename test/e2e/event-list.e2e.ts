import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { WatchedStatements } from '../../bench/crm/watched-statements.js';
import { EventReader } from '../../src/oversight/security-events/event-reader.js';
import { newId } from '../../src/platform/crypto/new-id.js';
import { type Account, registerOwner } from '../harness/accounts.js';
import { tamper } from '../harness/audit.js';
import { faultsOfFilter } from '../harness/filter-plans.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const ORDINARY_EVENTS = 20_000;

/** What one event of many has, and the filter that finds it. */
const RARE = {
  type: 'sms_sent',
  severity: 'critical',
  userId: randomUUID(),
  requestId: 'request-of-a-bad-day',
} as const;
const FILTERS = Object.entries(RARE);
const USUAL = { type: 'login_failed', severity: 'low', userId: randomUUID(), requestId: 'usual' };

describe('lists of 20,000 security events', () => {
  let app: TestApp;
  let owner: Account;
  let watched: WatchedStatements;
  let client: pg.Client;

  beforeAll(async () => {
    app = await startTestApp({ env: { ROLE: 'api' } });
    owner = await registerOwner(app.http);
    watched = new WatchedStatements(app.app);
    for (const [filter, value] of FILTERS) await insert({ ...USUAL, [filter]: value }, 1);
    await insert(USUAL, ORDINARY_EVENTS);
    await app.database.sql('VACUUM ANALYZE security_events, platform_security_events');
    client = new pg.Client({ connectionString: app.database.appUrl });
    await client.connect();
  });
  afterAll(async () => {
    await client.end();
    await app.close();
  });

  /** The same events for the team and for nobody's. */
  async function insert({ type, severity, userId, requestId }: typeof USUAL, count: number): Promise<void> {
    const ids = Array.from({ length: count }, () => newId()).join(',');
    const columns = 'id, created_at, last_at, type, severity, count, user_id, request_id';
    const values = `id, now(), now(), '${type}', '${severity}', 1, '${userId}', '${requestId}' FROM unnest('{${ids}}'::uuid[]) id`;
    await tamper(
      app.database,
      `INSERT INTO security_events (team_id, ${columns}) SELECT '${owner.teamId}', ${values};
       INSERT INTO platform_security_events (${columns}) SELECT ${values}`,
    );
  }

  it.each(FILTERS)('read along an index by %s, in a team and for the platform', async (filter, value) => {
    const ofTeam = await watched.readOf('security_events', async () => {
      const { json } = await owner.http.get(`/v1/security-events?${filter}=${value}`);
      expect(json.data.every((event: Record<string, unknown>) => event[filter] === value)).toBe(true);
    });
    expect(await faultsOfFilter(client, ofTeam, 'security_events')).toEqual([]);
    const ofPlatform = await watched.readOf('platform_security_events', () =>
      app.app.get(EventReader).ofPlatform({ [filter]: value, limit: 50 }),
    );
    expect(await faultsOfFilter(client, ofPlatform, 'platform_security_events')).toEqual([]);
  });
});

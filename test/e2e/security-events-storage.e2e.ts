import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { EventRetention } from '../../src/oversight/security-events/event-retention.js';
import { SecurityEvents } from '../../src/oversight/security-events/security-events.service.js';
import type { SecurityEvent } from '../../src/oversight/security-events/security-event.js';
import { type Account, registerOwner } from '../harness/accounts.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const event = (fields: Partial<SecurityEvent>): SecurityEvent => ({
  type: 'permission_denied',
  teamId: null,
  userId: null,
  ipAddress: '203.0.113.9',
  requestId: randomUUID(),
  ...fields,
});

/** The columns of an event that is this old. */
const aged = (days: number): string =>
  `gen_random_uuid(), now() - interval '${days} days', now(), 'sms_sent', 'low', 1, 'aged-${days}'`;

describe('the store of security events', () => {
  let app: TestApp;
  let owner: Account;
  let events: SecurityEvents;
  beforeAll(async () => {
    app = await startTestApp();
    owner = await registerOwner(app.http);
    events = app.app.get(SecurityEvents);
  });
  afterAll(() => app.close());

  it("a team's event goes to the team's table, an event of nobody's team to its own", async () => {
    events.record(event({ teamId: owner.teamId, userId: owner.userId, requestId: 'with-team' }));
    events.record(event({ requestId: 'without-team' }));
    await events.flush();
    const team = await app.database.sql(`SELECT * FROM security_events WHERE request_id = 'with-team'`);
    expect(team).toEqual([
      expect.objectContaining({
        team_id: owner.teamId,
        user_id: owner.userId,
        severity: 'medium',
        count: '1',
      }),
    ]);
    const nobody = await app.database.sql(
      `SELECT request_id FROM platform_security_events WHERE request_id LIKE 'with%'`,
    );
    expect(nobody).toEqual([{ request_id: 'without-team' }]);
  });

  it('a count that rises after its row was written rises there too', async () => {
    const one = event({ type: 'rate_limited', ipAddress: '203.0.113.10' });
    for (let i = 0; i < 8; i++) events.record(one);
    await events.flush();
    for (let i = 0; i < 92; i++) events.record(one);
    await events.flush();
    const [{ total, rows }] = await app.database.sql(
      `SELECT sum(count)::int AS total, count(*)::int AS rows FROM platform_security_events WHERE ip_address = '203.0.113.10'`,
    );
    expect(total).toBe(100);
    expect(rows).toBeLessThanOrEqual(12);
  });

  it('events that the database cannot take now are written later', async () => {
    await app.database.sql('ALTER TABLE platform_security_events RENAME TO away');
    events.record(event({ requestId: 'kept-in-memory' }));
    await events.flush();
    await app.database.sql('ALTER TABLE away RENAME TO platform_security_events');
    await events.flush();
    const rows = await app.database.sql(
      `SELECT 1 FROM platform_security_events WHERE request_id = 'kept-in-memory'`,
    );
    expect(rows).toHaveLength(1);
  });

  it('the application role cannot read without saying for whom, nor change or delete an event', async () => {
    const client = new pg.Client({ connectionString: app.database.appUrl });
    await client.connect();
    try {
      for (const table of ['security_events', 'platform_security_events']) {
        expect((await client.query(`SELECT * FROM ${table}`)).rows).toEqual([]);
        await expect(client.query(`DELETE FROM ${table}`)).rejects.toThrow('permission denied');
        await expect(client.query(`UPDATE ${table} SET type = 'x'`)).rejects.toThrow('permission denied');
      }
    } finally {
      await client.end();
    }
  });

  it('what is older than the retention goes, and never the last 30 days', async () => {
    const insert = (days: number) =>
      app.database.sql(
        `INSERT INTO security_events (team_id, id, created_at, last_at, type, severity, count, request_id)
         VALUES ($1, gen_random_uuid(), now() - make_interval(days => $2), now(), 'sms_sent', 'low', 1, 'aged')`,
        [owner.teamId, days],
      );
    await insert(500);
    await insert(20);
    const client = new pg.Client({ connectionString: app.database.appUrl });
    await client.connect();
    await client.query('SELECT latchkey.expire_security_events(0, 1000)');
    await client.end();
    const left = await app.database.sql(
      `SELECT (now() - created_at) > interval '30 days' AS old FROM security_events WHERE request_id = 'aged'`,
    );
    expect(left).toEqual([{ old: false }]);
  });

  it('the daily job forgets what is older than a year, of teams and of nobody', async () => {
    const columns = 'id, created_at, last_at, type, severity, count, request_id';
    for (const days of [364, 367]) {
      await app.database.sql(
        `INSERT INTO security_events (team_id, ${columns}) VALUES ('${owner.teamId}', ${aged(days)});
         INSERT INTO platform_security_events (${columns}) VALUES (${aged(days)})`,
      );
    }
    expect(await app.app.get(EventRetention).expire()).toBe(2);
    const left = await app.database.sql(
      `SELECT request_id FROM security_events WHERE request_id LIKE 'aged-%'
       UNION ALL SELECT request_id FROM platform_security_events WHERE request_id LIKE 'aged-%'`,
    );
    expect(left).toEqual([{ request_id: 'aged-364' }, { request_id: 'aged-364' }]);
    const schedules = await app.database.sql(
      `SELECT 1 FROM pgboss.job WHERE name = 'security-events-expire'`,
    );
    expect(schedules.length).toBeGreaterThan(0);
  });

  it('what was recorded during shutdown is written', async () => {
    const second = await startTestApp({ database: app.database });
    second.app.get(SecurityEvents).record(event({ requestId: 'at-shutdown' }));
    await second.close();
    const rows = await app.database.sql(
      `SELECT 1 FROM platform_security_events WHERE request_id = 'at-shutdown'`,
    );
    expect(rows).toHaveLength(1);
  });
});

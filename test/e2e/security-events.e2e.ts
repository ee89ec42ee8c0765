import { randomBytes } from 'node:crypto';
import { SecurityEvents } from '../../src/oversight/security-events/security-events.service.js';
import { type Account, createKey, freshAddress, registerOwner } from '../harness/accounts.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

describe('reading security events', () => {
  let app: TestApp;
  let owner: Account;
  let events: SecurityEvents;

  beforeAll(async () => {
    app = await startTestApp();
    owner = await registerOwner(app.http);
    events = app.app.get(SecurityEvents);
  });
  afterAll(() => app.close());

  const list = async (account: Account, query = '') => {
    await events.flush();
    return account.http.get(`/v1/security-events${query}`);
  };
  /** Another member of the owner's team, made past the API: a role is all that matters here. */
  const becomes = (account: Account, role: string) =>
    app.database.sql('UPDATE memberships SET role = $3 WHERE team_id = $1 AND user_id = $2', [
      account.teamId,
      account.userId,
      role,
    ]);

  it('a 403 is there with the key, the address and the request id of the refusal', async () => {
    const key = await createKey(owner, ['clients:read']);
    const refused = await key.http.post('/v1/clients', { firstName: 'A', lastName: 'B' });
    expect(refused.status).toBe(403);
    const answer = await list(owner, '?type=permission_denied');
    expect(answer.json.data).toEqual([
      expect.objectContaining({
        type: 'permission_denied',
        severity: 'medium',
        count: 1,
        apiKeyId: key.id,
        userId: owner.userId,
        requestId: refused.headers['x-request-id'],
        details: { code: 'INSUFFICIENT_SCOPE', route: 'POST /v1/clients' },
      }),
    ]);
  });

  it('a request id finds the log line and the event', async () => {
    const key = await createKey(owner, ['clients:read']);
    const requestId = `find-${randomBytes(4).toString('hex')}`;
    await key.http.delete('/v1/clients/01890000-0000-7000-8000-000000000000', {
      headers: { 'x-request-id': requestId },
    });
    const answer = await list(owner, `?requestId=${requestId}`);
    expect(answer.json.data).toHaveLength(1);
    const lines = app
      .logged()
      .split('\n')
      .filter((line) => line.includes(requestId));
    expect(new Set(lines.map((line) => JSON.parse(line).msg ?? 'request'))).toEqual(
      new Set(['request', 'security event']),
    );
  });

  it("another team's events are not in the list, whatever the filter", async () => {
    const other = await registerOwner(app.http);
    const answer = await list(other, `?userId=${owner.userId}`);
    expect(answer.status).toBe(200);
    expect(answer.json.data).toEqual([]);
  });

  it('an agent sees the events about themselves, and an empty list for a colleague', async () => {
    const agent = await registerOwner(app.http);
    const record = (userId: string | null, requestId: string) =>
      events.record({ type: 'sms_sent', teamId: agent.teamId, userId, ipAddress: null, requestId });
    record(agent.userId, 'mine');
    record(owner.userId, 'of a colleague');
    record(null, 'of nobody');
    const ids = async (query = '?type=sms_sent') =>
      (await list(agent, query)).json.data.map((event: { requestId: string }) => event.requestId);
    expect((await ids()).sort()).toEqual(['mine', 'of a colleague', 'of nobody']);
    await becomes(agent, 'agent');
    const token = await app.http.post(
      '/v1/auth/login',
      { email: agent.email, password: 'a plain but long passphrase' },
      { from: freshAddress() },
    );
    const http = agent.http.with({ authorization: `Bearer ${token.json.data.accessToken}` });
    const seen = (await http.get('/v1/security-events?type=sms_sent')).json.data;
    expect(seen.map((event: { requestId: string }) => event.requestId)).toEqual(['mine']);
    const colleague = await http.get(`/v1/security-events?type=sms_sent&userId=${owner.userId}`);
    expect(colleague.json.data).toEqual([]);
    const summary = await http.get('/v1/security-events/summary?days=1');
    expect(summary.json.data.byType.find((entry: any) => entry.type === 'sms_sent')).toEqual({
      type: 'sms_sent',
      count: 1,
    });
  });

  it('pages by keyset, and a cursor fits only its own filters', async () => {
    const other = await registerOwner(app.http);
    for (let i = 0; i < 5; i++) {
      events.record({
        type: 'sms_sent',
        teamId: other.teamId,
        userId: other.userId,
        ipAddress: `203.0.113.${i}`,
        requestId: `page-${i}`,
      });
    }
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const more: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page = await list(other, `?type=sms_sent&limit=2${more}`);
      seen.push(...page.json.data.map((event: { requestId: string }) => event.requestId));
      cursor = page.json.meta.nextCursor;
      if (seen.length === 2) {
        const wrong = await list(
          other,
          `?type=login_failed&limit=2&cursor=${encodeURIComponent(cursor ?? '')}`,
        );
        expect(wrong.json.error.code).toBe('INVALID_CURSOR');
      }
    } while (cursor !== null);
    expect(seen.sort()).toEqual(['page-0', 'page-1', 'page-2', 'page-3', 'page-4']);
  });

  it('filters by severity and time', async () => {
    const other = await registerOwner(app.http);
    events.record({
      type: 'token_reused',
      teamId: other.teamId,
      userId: other.userId,
      ipAddress: null,
      requestId: 'critical-one',
    });
    const critical = await list(other, '?severity=critical');
    expect(critical.json.data).toHaveLength(1);
    const later = new Date(Date.now() + 60_000).toISOString();
    const earlier = new Date(Date.now() - 60_000).toISOString();
    expect((await list(other, `?severity=critical&from=${later}`)).json.data).toEqual([]);
    expect((await list(other, `?severity=critical&from=${earlier}&to=${later}`)).json.data).toHaveLength(1);
    expect((await list(other, `?severity=critical&to=${earlier}`)).json.data).toEqual([]);
    expect((await list(other, '?severity=terrible')).status).toBe(400);
  });

  it('sums up days for charts, days without events included', async () => {
    const other = await registerOwner(app.http);
    const record = () =>
      events.record({
        type: 'honeypot_triggered',
        teamId: other.teamId,
        userId: null,
        ipAddress: '203.0.113.200',
        requestId: null,
      });
    for (let i = 0; i < 30; i++) record();
    await events.flush();
    const { data } = (await other.http.get('/v1/security-events/summary?days=7')).json;
    expect(data.days).toBe(7);
    expect(data.byDay).toHaveLength(7);
    expect(data.byType).toContainEqual({ type: 'honeypot_triggered', count: 30 });
    expect(data.bySeverity.high).toBe(30);
    expect(data.byDay.at(-1).high).toBe(30);
    expect(data.total).toBe(
      data.byType.reduce((sum: number, entry: { count: number }) => sum + entry.count, 0),
    );
  });
});

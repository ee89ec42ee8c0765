import { SecurityEvents } from '../../src/oversight/security-events/security-events.service.js';
import { type Account, registerOwner } from '../harness/accounts.js';
import { eventually } from '../harness/eventually.js';
import { mailTo } from '../harness/mailbox.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';
import { accept, expectedSignature, WebhookServer } from '../harness/webhook-receiver.js';

const HOST = '127.9.0.4';
/** Open to the log collector, not to teams. */
const COLLECTOR = '127.9.9.9';

describe('the alert webhook', () => {
  let app: TestApp;
  let owner: Account;
  let receiver: WebhookServer;

  beforeAll(async () => {
    app = await startTestApp({
      env: {
        OUTBOUND_ALLOWED_RANGES: `${HOST}/32`,
        AUDIT_FORWARD_ALLOWED_RANGES: `${COLLECTOR}/32`,
        OUTBOUND_ALLOW_HTTP: 'true',
        PLATFORM_ALERT_EMAILS: 'operator@example.com',
      },
    });
  });
  beforeEach(async () => {
    owner = await registerOwner(app.http);
    receiver = await WebhookServer.listen(HOST);
  });
  afterEach(() => receiver.close());
  afterAll(() => app.close());

  const put = (fields: object) =>
    owner.http.send('PUT', '/v1/settings/alerts', {
      body: { minSeverity: 'high', emails: [], types: [], ...fields },
    });

  function alarm(type: 'token_reused' | 'account_locked' = 'token_reused'): void {
    app.app.get(SecurityEvents).record({
      type,
      teamId: owner.teamId,
      userId: owner.userId,
      ipAddress: '203.0.113.4',
      userAgent: 'Cnryagent',
      requestId: 'alert-1',
      details: type === 'token_reused' ? { sessionId: 'cnrysession' } : {},
    });
  }

  it('gets an event, signed with the secret that was shown once', async () => {
    const made = await put({ webhookUrl: receiver.url });
    expect(made.json.data).toMatchObject({ webhookHost: `${HOST}:${receiver.port}` });
    const { webhookSecret } = made.json.data;
    expect(webhookSecret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    alarm();
    await eventually(() => expect(receiver.received).toHaveLength(1));
    const [delivery] = receiver.received;
    expect(delivery.headers['webhook-signature']).toBe(expectedSignature(webhookSecret, delivery));
    expect(delivery.json).toMatchObject({
      type: 'security_event.alert',
      data: { event: 'token_reused', severity: 'critical', teamId: owner.teamId, requestId: 'alert-1' },
    });
    expect(delivery.body).not.toContain(owner.email);
    expect((await owner.http.get('/v1/settings/alerts')).text).not.toMatch(/whsec_|receiver-path-canary/);
  });

  it('gets a message again, under the same id, until it accepts one', async () => {
    await put({ webhookUrl: receiver.url });
    receiver.answer = (response) => response.writeHead(503).end();
    alarm();
    await eventually(() => expect(receiver.received).toHaveLength(1));
    receiver.answer = accept;
    await eventually(async () => {
      await app.database.sql(
        `UPDATE pgboss.job SET start_after = now() - interval '1 s' WHERE name = 'alert-webhook' AND state = 'retry'`,
      );
      expect(receiver.received).toHaveLength(2);
    });
    const [first, second] = receiver.received;
    expect(second.headers['webhook-id']).toBe(first.headers['webhook-id']);
    expect(second.body).toBe(first.body);
  });

  it('is not followed to where it redirects, and is called no more once it was removed', async () => {
    const inner = await WebhookServer.listen(COLLECTOR);
    try {
      await put({ webhookUrl: receiver.url });
      receiver.answer = (response) => response.writeHead(307, { location: inner.url }).end();
      alarm();
      await eventually(() => expect(receiver.received).toHaveLength(1));
      expect((await put({ webhookUrl: null })).json.data).toMatchObject({ webhookHost: null });
      await eventually(async () => {
        await app.database.sql(
          `UPDATE pgboss.job SET start_after = now() - interval '1 s' WHERE name = 'alert-webhook' AND state = 'retry'`,
        );
        const left = await app.database.sql(
          `SELECT 1 FROM pgboss.job WHERE name = 'alert-webhook' AND state IN ('created', 'retry', 'active')`,
        );
        expect(left).toEqual([]);
      });
      expect([receiver.received.length, inner.received.length]).toEqual([1, 0]);
      const keys = await app.database.sql(
        `SELECT 1 FROM data_keys WHERE team_id = $1 AND subject_type = 'alert_webhooks'`,
        [owner.teamId],
      );
      expect(keys).toEqual([]);
    } finally {
      await inner.close();
    }
  });

  it.each([
    'http://127.0.0.1/',
    'https://2130706433/',
    'https://[::ffff:169.254.169.254]/latest/meta-data/',
    'https://user:password@hooks.example.com/',
    'ftp://hooks.example.com/',
    'https://localhost./',
    `http://${COLLECTOR}/`,
    '',
    'nonsense',
  ])('cannot be %j: 400 names the field, and nothing changes', async (webhookUrl) => {
    const answer = await put({ webhookUrl, minSeverity: 'low' });
    expect([answer.status, answer.json.error.details?.[0]?.field]).toEqual([400, 'webhookUrl']);
    expect((await owner.http.get('/v1/settings/alerts')).json.data.minSeverity).toBe('high');
  });

  it('stays when it is left out, gets a new secret when asked, and lies sealed in the database', async () => {
    const first = (await put({ webhookUrl: receiver.url })).json.data;
    const kept = (await put({ minSeverity: 'low' })).json.data;
    expect(kept).toMatchObject({ webhookHost: first.webhookHost, webhookSecret: null });
    const rotated = (await put({ rotateWebhookSecret: true })).json.data;
    expect(rotated.webhookSecret).toMatch(/^whsec_/);
    expect(rotated.webhookSecret).not.toBe(first.webhookSecret);
    alarm('account_locked');
    await eventually(() => expect(receiver.received.length).toBeGreaterThan(0));
    const [delivery] = receiver.received;
    expect(delivery.headers['webhook-signature']).toBe(expectedSignature(rotated.webhookSecret, delivery));
    const stored = await app.database.sql(
      `SELECT s::text || encode(coalesce(s.webhook, ''), 'escape') AS text FROM alert_settings s
       UNION ALL SELECT a::text FROM audit_log a UNION ALL SELECT j::text FROM pgboss.job j`,
    );
    const text = stored.map((row) => row.text).join('\n');
    for (const secret of [first.webhookSecret, rotated.webhookSecret, 'receiver-path-canary'])
      expect(text).not.toContain(secret);
    expect(app.logged()).not.toMatch(/whsec_|receiver-path-canary/);
    expect((await put({ webhookUrl: null, rotateWebhookSecret: true })).status).toBe(200);
    expect((await put({ rotateWebhookSecret: true })).json.error.details[0].field).toBe(
      'rotateWebhookSecret',
    );
  });

  it('what is critical and of no team is mailed to the operator', async () => {
    app.app.get(SecurityEvents).record({
      type: 'audit_forwarding_stuck',
      teamId: null,
      userId: null,
      ipAddress: null,
      requestId: null,
      details: { code: 'HTTP_503', minutes: 11 },
    });
    const mail = await mailTo(app, 'operator@example.com', 'audit forwarding stuck');
    expect(mail.text).toContain('on your installation');
  });
});

import { SMTPServer } from 'smtp-server';
import type { AddressInfo } from 'node:net';
import { DailyDigest } from '../../src/oversight/alerts/daily-digest.js';
import { SecurityEvents } from '../../src/oversight/security-events/security-events.service.js';
import { type Account, registerOwner } from '../harness/accounts.js';
import { moveClock } from '../harness/clock.js';
import { eventually } from '../harness/eventually.js';
import { textPartOf } from '../harness/mailbox.js';
import { createTestDatabase, startTestApp, type TestApp, type TestDatabase } from '../harness/test-app.js';
import { expectedSignature, WebhookServer } from '../harness/webhook-receiver.js';

const HOST = '127.9.0.5';
const DAY_MS = 86_400_000;

describe('the daily digest', () => {
  let database: TestDatabase;
  let smtp: SMTPServer;
  let receiver: WebhookServer;
  let apps: TestApp[];
  let owner: Account;
  let secret: string;
  const mails: string[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
    receiver = await WebhookServer.listen(HOST);
    smtp = new SMTPServer({
      disabledCommands: ['AUTH', 'STARTTLS'],
      onData(stream, _session, callback) {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => {
          mails.push(Buffer.concat(chunks).toString());
          callback();
        });
      },
    });
    await new Promise<void>((resolve) => smtp.listen(0, '127.0.0.1', resolve));
    const env = {
      SMTP_URL: `smtp://127.0.0.1:${(smtp.server.address() as AddressInfo).port}`,
      OUTBOUND_ALLOWED_RANGES: `${HOST}/32`,
      OUTBOUND_ALLOW_HTTP: 'true',
    };
    apps = [await startTestApp({ database, env }), await startTestApp({ database, env })];
    owner = await registerOwner(apps[0].http, { name: 'Cnryname Person' });
    const answer = await owner.http.send('PUT', '/v1/settings/alerts', {
      body: {
        minSeverity: 'critical',
        emails: ['officer@example.com', 'second@example.com'],
        types: ['break_glass'],
        digest: true,
        webhookUrl: receiver.url,
      },
    });
    secret = answer.json.data.webhookSecret;
    expect(answer.json.data).toMatchObject({ digest: true });
  });
  afterAll(async () => {
    await Promise.all(apps.map((app) => app.close()));
    await receiver.close();
    await new Promise<void>((resolve) => smtp.close(resolve));
    await database.drop();
  });

  const digests = () => mails.filter((raw) => raw.includes('Security digest of'));

  function record(type: 'token_reused' | 'login_failed', address: string, times: number): void {
    for (let i = 0; i < times; i++) {
      apps[0].app.get(SecurityEvents).record({
        type,
        teamId: owner.teamId,
        userId: owner.userId,
        ipAddress: address,
        userAgent: 'Cnryagent',
        requestId: `digest-${i}`,
        details: type === 'login_failed' ? { account: 'cnryaccount' } : {},
      });
    }
  }

  it('counts the day before by type, severity and address, once for both instances, and names nobody', async () => {
    record('login_failed', '203.0.113.7', 9);
    record('token_reused', '203.0.113.8', 2);
    await apps[0].app.get(SecurityEvents).flush();
    for (const app of apps) moveClock(app, DAY_MS);
    // Both at once and repeatedly, besides what the queue starts by itself.
    await Promise.all(apps.flatMap(({ app }) => [1, 2, 3].map(() => app.get(DailyDigest).run())));
    await eventually(() => {
      expect(digests()).toHaveLength(2);
      expect(receiver.received).toHaveLength(1);
    });
    const day = new Date().toISOString().slice(0, 10);
    const [text] = digests().map(textPartOf);
    expect(text).toMatch(/login failed: 9[^]*203\.0\.113\.7: 9/);
    expect(text).toMatch(/token reused: 2/);
    expect(text).toMatch(/critical: 2/);
    expect(text).toContain(day);
    const [delivery] = receiver.received;
    expect(delivery.headers['webhook-signature']).toBe(expectedSignature(secret, delivery));
    expect(delivery.json).toMatchObject({
      type: 'security_events.digest',
      data: { teamId: owner.teamId, day, bySeverity: { critical: 2 } },
    });
    expect(delivery.json.data.byType).toContainEqual({ type: 'login_failed', count: 9 });
    expect(delivery.json.data.topAddresses[0]).toEqual({ address: '203.0.113.7', count: 9 });
    const all = `${digests().join('\n')}\n${delivery.body}`;
    expect(all).not.toMatch(/cnry/i);
    expect(all).not.toContain(owner.email);
    expect(all).not.toContain(owner.userId);
  });

  it('is sent by the queue the day after, and says so when nothing happened', async () => {
    mails.length = 0;
    for (const app of apps) moveClock(app, 3 * DAY_MS);
    await eventually(() => expect(digests()).toHaveLength(2));
    expect(textPartOf(digests()[0])).toContain('Nothing was recorded');
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(digests()).toHaveLength(2);
  });

  it('is not sent to a team that did not ask for it', async () => {
    const other = await registerOwner(apps[0].http);
    await other.http.send('PUT', '/v1/settings/alerts', {
      body: { minSeverity: 'critical', emails: ['other@example.com'], types: [] },
    });
    for (const app of apps) moveClock(app, 5 * DAY_MS);
    await apps[0].app.get(DailyDigest).run();
    await eventually(() => expect(digests().length).toBeGreaterThanOrEqual(4));
    expect(mails.filter((raw) => raw.includes('other@example.com'))).toEqual([]);
  });
});

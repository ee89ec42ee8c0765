import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SecurityEvents } from '../../src/oversight/security-events/security-events.service.js';
import { Config } from '../../src/platform/config/config.js';
import { type Account, createKey, registerOwner } from '../harness/accounts.js';
import { moveClock } from '../harness/clock.js';
import { eventually } from '../harness/eventually.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const SETTINGS = { minSeverity: 'high', emails: ['officer@example.com'], types: [] as string[] };
const SHOWN = { ...SETTINGS, digest: false, webhookHost: null };

describe('alerts', () => {
  let app: TestApp;
  let owner: Account;

  beforeAll(async () => {
    app = await startTestApp();
  });
  beforeEach(async () => {
    moveClock(app, 0);
    owner = await registerOwner(app.http);
  });
  afterAll(() => app.close());

  const put = (body: object) => owner.http.send('PUT', '/v1/settings/alerts', { body });
  const mails = () => {
    const folder = join(app.app.get(Config).dataDir, 'mail');
    const names = existsSync(folder)
      ? readdirSync(folder).filter((name) => name.includes('security-alert'))
      : [];
    return names.map((name) => readFileSync(join(folder, name), 'utf8'));
  };

  it('nobody is mailed until the team says so; settings are kept and audited', async () => {
    expect((await owner.http.get('/v1/settings/alerts')).json.data.emails).toEqual([]);
    const answer = await put(SETTINGS);
    expect([answer.status, answer.json.data]).toEqual([200, { ...SHOWN, webhookSecret: null }]);
    expect((await owner.http.get('/v1/settings/alerts')).json.data).toEqual(SHOWN);
    const rows = await owner.http.get('/v1/audit-log?resourceType=alert_settings');
    expect(rows.json.data).toHaveLength(1);
    expect(rows.text).not.toContain('officer@example.com');
  });

  it('an event at or above the severity is mailed once, one below is not', async () => {
    await put({ ...SETTINGS, emails: [`officer-${owner.teamId}@example.com`] });
    const record = (type: 'token_reused' | 'sms_sent') =>
      app.app.get(SecurityEvents).record({
        type,
        teamId: owner.teamId,
        userId: owner.userId,
        ipAddress: '203.0.113.4',
        requestId: 'alert-1',
      });
    record('sms_sent');
    record('token_reused');
    record('token_reused');
    const mine = () => mails().filter((text) => text.includes(`officer-${owner.teamId}`));
    await eventually(() => expect(mine()).toHaveLength(1));
    expect(mine()[0]).toContain('token reused');
  });

  it('refuses bad addresses and types, keys, and sessions that are not fresh', async () => {
    expect((await put({ ...SETTINGS, emails: ['nobody'] })).status).toBe(400);
    expect((await put({ ...SETTINGS, types: ['nothing'] })).status).toBe(400);
    const key = await createKey(owner, ['audit:read']);
    expect((await key.http.get('/v1/settings/alerts')).status).toBe(200);
    expect((await key.http.send('PUT', '/v1/settings/alerts', { body: SETTINGS })).status).toBe(403);
    moveClock(app, 11 * 60_000);
    expect((await put(SETTINGS)).json.error.code).toBe('STEP_UP_REQUIRED');
  });
});

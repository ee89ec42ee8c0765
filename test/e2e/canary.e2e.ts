import { MetricsServer } from '../../src/platform/metrics/metrics-server.js';
import { createKey, freshAddress, registerOwner } from '../harness/accounts.js';
import { enableTwoFactor } from '../harness/authenticator.js';
import { Browser } from '../harness/browser.js';
import { canary, found, scanDatabase } from '../harness/canaries.js';
import { moveClock } from '../harness/clock.js';
import { eventually } from '../harness/eventually.js';
import type { Answer } from '../harness/http-client.js';
import { mailTo } from '../harness/mailbox.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

/** What must be found nowhere at all: whoever reads it can act as somebody. */
const SECRETS = new Map<string, string>();
/** What may stand in answers to those who may see it, and in the database as ciphertext only. */
const PERSONAL = {
  firstName: canary('First'),
  lastName: canary('Last'),
  email: `${canary('mail').toLowerCase()}@example.com`,
  phone: '+15557316402',
  address: canary('Street'),
  notes: canary('Notes'),
};
/** The digits, however the number was written. */
const PHONE_DIGITS = '5557316402';
/** Somebody who signs in: readable in `users` by design, and nowhere else. */
const MEMBER = { email: `${canary('member').toLowerCase()}@example.com`, name: canary('Member') };
/** What strangers put where it does not belong. */
const STRAY = {
  query: canary('Query'),
  ifNoneMatch: canary('IfNoneMatch'),
  header: canary('Header'),
  cookie: canary('Cookie'),
  brokenJson: canary('BrokenJson'),
  invalidField: canary('InvalidField'),
  path: canary('Path'),
  unknownEmail: `${canary('unknown').toLowerCase()}@example.com`,
};
const AGENT = `Probe/1.0 \u009b31mred\u0085\u009b2K ${canary('agent')}`;

let app: TestApp;
const refusals: Answer[] = [];

const secret = (name: string, value: string): string => {
  SECRETS.set(name, value);
  return value;
};

/** Keeps what the answer to a refused request says. */
async function refused(answer: Promise<Answer>): Promise<void> {
  const given = await answer;
  expect(given.status).toBeGreaterThanOrEqual(400);
  refusals.push(given);
}

async function useAccounts() {
  const http = app.http.with({ 'user-agent': AGENT }, freshAddress());
  const password = secret('password', canary('Password'));
  const owner = await registerOwner(http, { password, ...MEMBER });
  secret('access token', owner.accessToken);
  secret('refresh cookie', owner.cookie.split('=')[1]);
  secret('CSRF token', owner.csrfToken);
  const wrong = secret('wrong password', canary('WrongPassword'));
  await refused(http.post('/v1/auth/login', { email: MEMBER.email, password: wrong }));
  await refused(http.post('/v1/auth/login', { email: STRAY.unknownEmail, password: wrong }));
  await refused(owner.http.post('/v1/auth/step-up', { password: wrong }));
  const newPassword = secret('new password', canary('NewPassword'));
  await owner.http.post('/v1/auth/password', { currentPassword: password, newPassword });
  const browser = Browser.of(app.http, owner, freshAddress());
  await browser.refresh();
  secret('second refresh cookie', browser.cookies.get('latchkey_refresh') ?? '');
  secret('second access token', browser.accessToken ?? '');
  await http.post('/v1/auth/password/forgot', { email: MEMBER.email });
  const mail = await mailTo(app, MEMBER.email, 'Set a new password');
  secret('reset token', mail.token ?? '');
  return owner;
}

async function useSecondFactor(): Promise<void> {
  const owner = await registerOwner(app.http);
  const phone = await enableTwoFactor(app, owner.http);
  secret('TOTP secret', phone.secret);
  for (const [i, code] of phone.backupCodes.entries()) secret(`backup code ${i}`, code);
  await refused(owner.http.post('/v1/auth/step-up', { code: secret('mistyped backup code', 'ZQXWV-KJHGF') }));
  moveClock(app, 0);
}

describe('what is planted in requests', () => {
  let requestId: string;
  let clientId: string;

  beforeAll(async () => {
    app = await startTestApp({ env: { LOG_LEVEL: 'trace', METRICS_PORT: '0' } });
    const owner = await useAccounts();
    await useSecondFactor();
    const key = await createKey(owner, ['clients:read', 'clients:write', 'clients:pii']);
    secret('API key', key.key);
    requestId = canary('request');
    const created = await key.http.post('/v1/clients', PERSONAL, {
      headers: { 'x-request-id': requestId, 'idempotency-key': canary('Idem') },
    });
    expect(created.status).toBe(201);
    clientId = created.json.data.id;
    await key.http.patch(`/v1/clients/${clientId}`, { notes: `${PERSONAL.notes} again` });
    await key.http.get(`/v1/clients?email=${PERSONAL.email}`);
    await key.http.get(`/v1/clients?phone=%2B1${PHONE_DIGITS}`);
    await key.http.get(`/v1/clients?q=${PERSONAL.lastName}`);
    const { address: _, ...person } = PERSONAL;
    const lead = await owner.http.post('/v1/leads', { ...person, allowDuplicate: true });
    expect(lead.status).toBe(201);
    await strays(key);
  });
  afterAll(() => app.close());

  async function strays(key: { key: string; http: TestApp['http'] }): Promise<void> {
    const { http } = key;
    await http.get(`/v1/clients/${clientId}`, { headers: { 'if-none-match': `"${STRAY.ifNoneMatch}"` } });
    await http.get('/v1/scopes', { headers: { 'x-custom': STRAY.header, cookie: `c=${STRAY.cookie}` } });
    await refused(http.get(`/v1/clients?sort=${STRAY.query}`));
    await refused(http.get(`/v1/clients?api_key=${key.key}`));
    await refused(http.get(`/v1/${STRAY.path}`));
    await refused(http.post('/v1/clients', undefined, { raw: `{"firstName": "${STRAY.brokenJson}"` }));
    await refused(http.post('/v1/clients', { firstName: 'A', type: STRAY.invalidField }));
    await refused(http.post('/v1/clients', { ...PERSONAL }));
    await refused(http.post('/v1/leads', PERSONAL, { headers: { 'x-request-id': `${requestId}-denied` } }));
    await refused(
      app.http.get('/v1/clients', { headers: { authorization: `Bearer ${key.key.slice(0, -3)}aaa` } }),
    );
  }

  it('no secret, no personal data and no stray text is in the log, at its most talkative', () => {
    const log = app.logged();
    expect(log.length).toBeGreaterThan(5000);
    expect(found(log, planted())).toEqual([]);
  });

  it('control characters of a User-Agent reach neither log nor rows', async () => {
    // eslint-disable-next-line no-control-regex -- looking for them is the point
    const control = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]|\\u001b|\\u0085|\\u009b/;
    expect(app.logged()).not.toMatch(control);
    const agents = await app.database.sql(
      `SELECT user_agent FROM audit_log UNION SELECT user_agent FROM security_events
       UNION SELECT user_agent FROM platform_security_events UNION SELECT user_agent FROM sessions`,
    );
    const stored = agents.map((row) => row.user_agent ?? '').filter((agent) => agent.startsWith('Probe'));
    expect(stored.length).toBeGreaterThan(0);
    for (const agent of stored) expect(agent).not.toMatch(control);
  });

  it('no secret and no personal data is readable in any column of any table', async () => {
    const hits = await scanDatabase(app.database, planted());
    const allowed = [
      'member email in users.email',
      'member email in users.email_key',
      // A mailed link is void once the address it was sent to is no longer the person's.
      'member email in account_tokens.email_key',
      'member name in users.name',
    ];
    expect(hits.filter((hit) => !allowed.includes(hit))).toEqual([]);
    // The scan itself sees: what is meant to be readable is found.
    expect(hits).toEqual(
      expect.arrayContaining(['member email in users.email', 'member name in users.name']),
    );
  });

  it('no metric knows what was sent', async () => {
    const { port } = app.app.get(MetricsServer);
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(text).toContain('latchkey_http_request_duration_seconds_count');
    expect(text).toContain('latchkey_security_events_total');
    expect(found(text, planted())).toEqual([]);
  });

  it('no answer to a refused request repeats a secret or what was wrong in it', () => {
    expect(refusals.length).toBeGreaterThanOrEqual(12);
    const said = refusals.map((answer) => answer.text + JSON.stringify(answer.headers)).join('\n');
    expect(found(said, planted())).toEqual([]);
    expect(said).not.toMatch(/node_modules|\.ts:\d|SELECT |INSERT /);
  });

  it('a request id finds the log line, the audit row and the event', async () => {
    const rows = await app.database.sql('SELECT resource_id FROM audit_log WHERE request_id = $1', [
      requestId,
    ]);
    expect(rows).toEqual([{ resource_id: clientId }]);
    expect(app.logged()).toContain(`"requestId":"${requestId}"`);
    const denied = `${requestId}-denied`;
    await eventually(async () => {
      const text = 'SELECT type FROM security_events WHERE request_id = $1';
      expect(await app.database.sql(text, [denied])).toEqual([{ type: 'permission_denied' }]);
    });
    const answer = refusals.find(({ text }) => text.includes(denied));
    expect(answer?.headers['x-request-id']).toBe(denied);
  });
});

/** Name and text of everything planted. */
function planted(): [string, string][] {
  const member = Object.entries(MEMBER).map(([name, text]): [string, string] => [`member ${name}`, text]);
  const personal = Object.entries({ ...PERSONAL, phone: PHONE_DIGITS });
  return [...SECRETS, ...member, ...personal, ...Object.entries(STRAY)];
}

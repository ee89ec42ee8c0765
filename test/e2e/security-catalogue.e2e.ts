import { Controller, Get, Module } from '@nestjs/common';
import { setPlatformAdmin } from '../../src/identity/platform-admins/platform-grant.js';
import {
  EVENT_TYPE_NAMES,
  EVENT_TYPES,
  type SecurityEventType,
} from '../../src/oversight/security-events/event-types.js';
import { Public } from '../../src/platform/http/route-metadata.js';
import { type Account, createKey, freshAddress, PASSWORD, registerOwner } from '../harness/accounts.js';
import { tamper } from '../harness/audit.js';
import { enableTwoFactor } from '../harness/authenticator.js';
import { Browser } from '../harness/browser.js';
import { moveClock } from '../harness/clock.js';
import { eventually } from '../harness/eventually.js';
import { until } from '../harness/until.js';
import { mailTo } from '../harness/mailbox.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';
import { WebhookServer } from '../harness/webhook-receiver.js';

const MINUTE_MS = 60_000;
const SLOW_MS = 5050;
/** Where the audit log is forwarded to; nobody listens there. */
const LOGS = { host: '127.9.0.3', port: 39_517 };
const WRONG = 'a plain but wrong passphrase';

@Controller('v1/slow')
class SlowController {
  /** Takes longer than a request should. */
  @Get()
  @Public('a throw-away route of this test')
  async slow(): Promise<object> {
    await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
    return {};
  }

  /** Fails for a reason that nobody foresaw. */
  @Get('broken')
  @Public('a throw-away route of this test')
  broken(): never {
    throw new Error('unforeseen');
  }
}
@Module({ controllers: [SlowController] })
class SlowModule {}

/** Types whose features are not there yet. Whoever builds one moves its type to the sequences below. */
const LATER: Partial<Record<SecurityEventType, string>> = {
  sms_sent: 'text messages come with telephony',
  webhook_signature_failed: 'signed webhooks come with telephony',
};

interface Recorded {
  readonly count: number;
}

let app: TestApp;
let owner: Account;
/** Teams of the tests before: what is still recorded for them proves nothing here. */
let earlier: string[] = [];

/** The shortest way to each type, as a client would go it. */
const SEQUENCES: Partial<Record<SecurityEventType, () => Promise<unknown>>> = {
  login_succeeded: () => login(PASSWORD),
  login_failed: () => login(WRONG),
  account_locked: () => times(6, () => login(WRONG)),
  two_factor_failed: async () => {
    const phone = await enableTwoFactor(app, owner.http);
    await owner.http.post('/v1/auth/step-up', { code: phone.wrong() });
  },
  two_factor_enabled: () => enableTwoFactor(app, owner.http),
  two_factor_disabled: async () => {
    const phone = await enableTwoFactor(app, owner.http);
    await owner.http.post('/v1/auth/2fa/disable', { password: PASSWORD, code: phone.next() });
  },
  backup_code_used: async () => {
    const { backupCodes } = await enableTwoFactor(app, owner.http);
    const { challengeToken } = (await login(PASSWORD)).json.data;
    await app.http.post(
      '/v1/auth/login/2fa',
      { challengeToken, code: backupCodes[0] },
      { from: freshAddress() },
    );
  },
  step_up_failed: () => owner.http.post('/v1/auth/step-up', { password: WRONG }),
  password_changed: () =>
    owner.http.post('/v1/auth/password', { currentPassword: PASSWORD, newPassword: `${PASSWORD}, new` }),
  password_reset_requested: () => forgot(),
  password_reset: async () => {
    await forgot();
    const { token } = await mailTo(app, owner.email, 'Set a new password');
    const body = { token, newPassword: `${PASSWORD}, new` };
    await app.http.post('/v1/auth/password/reset', body, { from: freshAddress() });
  },
  token_reused: async () => {
    const browser = Browser.of(app.http, owner, freshAddress());
    const spent = {
      cookie: browser.cookieHeader,
      'x-csrf-token': owner.csrfToken,
      'user-agent': browser.userAgent,
    };
    await browser.refresh();
    await browser.refresh();
    await app.http.post('/v1/auth/refresh', undefined, { headers: spent, from: freshAddress() });
  },
  csrf_failed: () => Browser.of(app.http, owner, freshAddress()).refresh({ 'x-csrf-token': undefined }),
  session_revoked: () => owner.http.post('/v1/auth/logout-all'),
  unusual_ip: () => login(PASSWORD, '127.120.1.1'),
  concurrent_sessions: () => login(PASSWORD, '127.120.2.1'),
  credential_rejected: () => app.http.get('/v1/clients', { headers: { authorization: 'Bearer a.b.c' } }),
  permission_denied: async () => {
    const key = await createKey(owner, ['clients:read']);
    await key.http.post('/v1/clients', { firstName: 'Jordan' });
  },
  ip_not_allowed: async () => {
    const key = await createKey(owner, [], { allowedIps: ['203.0.113.0/24'] });
    await key.http.get('/v1/scopes');
  },
  rate_limited: async () => {
    const key = await createKey(owner, [], { rateLimitPerMinute: 1 });
    await times(2, () => key.http.get('/v1/scopes'));
  },
  api_key_usage_spike: async () => {
    const key = await createKey(owner, [], { rateLimitPerMinute: 1000 });
    await app.database.sql(
      `INSERT INTO api_key_usage (team_id, api_key_id, hour, requests)
       SELECT $1, $2, date_trunc('hour', now()) - n * interval '1 hour', 20 FROM generate_series(1, 5) n`,
      [owner.teamId, key.id],
    );
    await times(120, () => key.http.get('/v1/scopes'));
    moveClock(app, 2 * MINUTE_MS);
  },
  sensitive_data_access: async () => {
    await owner.http.get(`/v1/clients/${await addClient()}/export`);
  },
  slow_request: () => app.http.get('/v1/slow', { from: freshAddress() }),
  server_error: () => app.http.get('/v1/slow/broken', { from: freshAddress() }),
  honeypot_triggered: () => app.http.get('/v1/admin/users', { from: freshAddress() }),
  ip_blocked: () => app.http.post('/v1/admin/backdoor', {}, { from: freshAddress() }),
  ip_unblocked: async () => {
    await becomePlatformAdmin();
    const from = freshAddress();
    await app.http.post('/v1/admin/backdoor', {}, { from });
    await eventually(async () => {
      const { data } = (await owner.http.get('/v1/ip-blocks')).json;
      const { id } = data.find((block: { subject: string }) => block.subject === from);
      expect((await owner.http.delete(`/v1/ip-blocks/${id}`)).status).toBe(200);
    });
  },
  suspicious_activity: async () => {
    const from = freshAddress();
    for (let i = 0; i < 5; i++) {
      const body = { email: `spray-${i}@example.com`, password: WRONG };
      await app.http.post('/v1/auth/login', body, { from });
    }
  },
  audit_tampering: async () => {
    await tamper(
      app.database,
      `UPDATE audit_log SET user_agent = 'nobody' WHERE team_id = '${owner.teamId}'`,
    );
    await eventually(async () => {
      expect((await owner.http.get('/v1/audit-log/verify')).json.data.valid).toBe(false);
    });
  },
  audit_forwarding_stuck: () => stuckForwarding(),
  audit_forwarding_recovered: async () => {
    await stuckForwarding();
    const receiver = await WebhookServer.listen(LOGS.host, LOGS.port);
    try {
      await eventually(async () => {
        expect(total(await recorded('audit_forwarding_recovered'))).toBeGreaterThan(0);
      });
    } finally {
      await receiver.close();
    }
  },
  break_glass: async () => {
    await becomePlatformAdmin();
    const { teamId } = await registerOwner(app.http);
    const opened = await owner.http.post('/v1/platform/break-glass', { teamId, reason: 'Ticket 4711' });
    expect(opened.status).toBe(201);
  },
  platform_admin_granted: () => becomePlatformAdmin(),
};

describe('the catalogue of security events', () => {
  beforeAll(async () => {
    const env = {
      AUDIT_FORWARD_URL: `http://${LOGS.host}:${LOGS.port}/`,
      AUDIT_FORWARD_SECRET: `whsec_${Buffer.alloc(32, 1).toString('base64')}`,
      AUDIT_FORWARD_ALLOWED_RANGES: `${LOGS.host}/32`,
      OUTBOUND_ALLOW_HTTP: 'true',
    };
    app = await startTestApp({ extra: [SlowModule], env });
  });
  beforeEach(async () => {
    moveClock(app, 0);
    earlier = (await app.database.sql('SELECT id FROM teams')).map(({ id }) => id);
    owner = await registerOwner(app.http);
  });
  afterAll(() => app.close());

  it('has a sequence for every type, or says why there is none yet', () => {
    const unknown = EVENT_TYPE_NAMES.filter((type) => !(type in SEQUENCES) && !(type in LATER));
    expect(unknown).toEqual([]);
    expect(Object.keys(LATER).filter((type) => type in SEQUENCES)).toEqual([]);
  });

  it.each(Object.keys(SEQUENCES) as SecurityEventType[])('%s is recorded as documented', async (type) => {
    const before = total(await recorded(type));
    await SEQUENCES[type]?.();
    await eventually(async () => expect(total(await recorded(type))).toBeGreaterThan(before));
  });

  it('no event holds a detail that its type does not document', async () => {
    const rows = await app.database.sql(
      `SELECT DISTINCT type, field FROM (SELECT type, details FROM security_events
         UNION ALL SELECT type, details FROM platform_security_events) e, jsonb_object_keys(details) field
       WHERE field <> 'network'`,
    );
    const undocumented = rows.filter(
      ({ type, field }) => !(field in EVENT_TYPES[type as SecurityEventType].fields),
    );
    expect(undocumented).toEqual([]);
  });
});

const total = (rows: Recorded[]): number => rows.reduce((sum, { count }) => sum + count, 0);

function recorded(type: SecurityEventType): Promise<Recorded[]> {
  return app.database.sql(
    `SELECT count::int FROM security_events WHERE type = $1 AND team_id <> ALL ($2)
     UNION ALL SELECT count::int FROM platform_security_events WHERE type = $1`,
    [type, earlier],
  );
}

function login(password: string, from = freshAddress()) {
  return app.http.post('/v1/auth/login', { email: owner.email, password }, { from });
}

function forgot() {
  return app.http.post('/v1/auth/password/forgot', { email: owner.email }, { from: freshAddress() });
}

async function times(count: number, call: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < count; i++) await call();
}

/** Nobody has taken the audit log for eleven minutes. */
async function stuckForwarding(): Promise<void> {
  const failing = () => app.database.sql('SELECT 1 FROM audit_forwarding WHERE failing_since IS NOT NULL');
  await until(failing);
  moveClock(app, 11 * MINUTE_MS);
  const reported = () => app.database.sql('SELECT 1 FROM audit_forwarding WHERE reported_at IS NOT NULL');
  await until(reported);
}

async function addClient(): Promise<string> {
  const created = await owner.http.post('/v1/clients', { firstName: 'Jordan', email: 'jordan@example.com' });
  return created.json.data.id;
}

async function becomePlatformAdmin(): Promise<void> {
  await app.database.sql('UPDATE users SET two_factor_enabled_at = now() WHERE id = $1', [owner.userId]);
  await setPlatformAdmin(app.database.ownerUrl, owner.email, 'grant');
  await eventually(async () => {
    expect((await owner.http.get('/v1/platform/security-events')).status).toBe(200);
  });
}

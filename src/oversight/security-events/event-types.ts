export const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

interface EventType {
  /** What it is recorded with unless the event says otherwise. */
  readonly severity: Severity;
  /** One sentence for the person who reads the alert. */
  readonly meaning: string;
  /** What `details` may hold, and what it says. */
  readonly fields: Readonly<Record<string, string>>;
}

/** The one registry of security events. `docs/security-events.md` is made from it (`npm run docs:events`). */
export const EVENT_TYPES = {
  // Signing in
  login_succeeded: type('low', 'Somebody signed in.', { method: 'how, such as password or 2fa' }),
  login_failed: type('medium', 'A sign-in was refused: the e-mail address or the password is wrong.', {
    reason: 'why, in one word',
    account: 'keyed fingerprint of the e-mail address that was tried',
    code: 'error code of the answer',
    route: 'route and method',
  }),
  account_locked: type('high', 'An account was locked after too many failures.', {
    lockedUntil: 'when the lock ends',
    account: 'keyed fingerprint of the e-mail address that was tried',
  }),
  two_factor_failed: type('medium', 'A second factor was wrong, used twice, or tried too often.', {
    reason: 'why, in one word',
    purpose: 'what the code was given for: login, step_up, enable, disable or backup_codes',
    code: 'error code of the answer',
    route: 'route and method',
  }),
  two_factor_enabled: type('low', 'Somebody turned two-factor sign-in on.', {}),
  two_factor_disabled: type('high', 'Somebody turned two-factor sign-in off.', {}),
  backup_code_used: type('medium', 'Somebody signed in with a backup code.', { remaining: 'codes left' }),
  step_up_failed: type('medium', 'Somebody failed to prove again who they are.', { reason: 'why' }),
  password_changed: type('medium', 'Somebody changed their password.', {}),
  password_reset_requested: type('low', 'A password reset was asked for.', {}),
  password_reset: type('medium', 'A password was reset through a mailed link.', {}),
  token_reused: type('critical', 'A spent refresh token came back: it was copied. Its sessions were ended.', {
    sessionId: 'the session that was ended',
    code: 'error code of the answer',
    route: 'route and method',
  }),
  csrf_failed: type('medium', 'A cookie-authenticated change came without a good CSRF token.', {
    code: 'error code of the answer',
    route: 'route and method',
  }),
  session_revoked: type('low', 'A session was ended before its time.', {
    sessionId: 'the session; left out when all of the person were ended',
    reason: 'why',
  }),
  unusual_ip: type('medium', 'A sign-in or an API key came from a network that was never seen for it.', {
    network: 'the new network',
  }),
  concurrent_sessions: type('medium', 'One person is active from networks far apart at the same time.', {
    networks: 'how many networks',
    other: 'the other network',
  }),
  // Using the API
  credential_rejected: type('low', 'A token or an API key was presented that is not valid.', {
    code: 'error code of the answer',
    route: 'route and method',
  }),
  permission_denied: type('medium', 'Somebody asked for what they may not do (403).', {
    code: 'error code of the answer',
    route: 'route and method',
  }),
  ip_not_allowed: type('high', 'An API key was used from an address outside its allow-list.', {
    mode: 'enforce (refused) or observe (let through)',
    observed: 'true when it was let through',
    route: 'route and method',
  }),
  rate_limited: type('medium', 'A caller went over a limit (429).', {
    code: 'error code of the answer',
    route: 'route and method',
  }),
  api_key_usage_spike: type('medium', 'An API key is used far more than before.', {
    count: 'requests in the window',
    usual: 'what is usual for it',
  }),
  sensitive_data_access: type('low', 'Personal data was shown unmasked, or exported.', {
    resourceType: 'kind of record',
    resourceId: 'the record',
    count: 'how many records',
    route: 'route and method',
  }),
  slow_request: type('low', 'A request took longer than five seconds.', {
    route: 'route and method',
    durationMs: 'how long it took',
    status: 'status of the answer, or 499 when the client left before there was one',
  }),
  server_error: type('medium', 'A request failed for a reason of ours (5xx).', {
    code: 'error code of the answer',
    route: 'route and method',
  }),
  webhook_signature_failed: type('high', 'A webhook came with a bad signature.', {
    provider: 'who claims to have sent it',
    code: 'error code of the answer',
    route: 'route and method',
  }),
  sms_sent: type('low', 'A text message was handed to the provider.', { messageId: 'the message' }),
  // Attacks and defences
  honeypot_triggered: type('high', 'Somebody asked for something that only an attacker looks for.', {
    trap: 'which trap: admin_users, backdoor or scanner_path',
    path: 'the path',
    spared: 'why the address was not blocked, if so',
  }),
  ip_blocked: type('high', 'An address was blocked for a while.', {
    subject: 'the address, or the /64',
    reason: 'what it did',
    minutes: 'for how long',
    offence: 'which offence of the address it is',
  }),
  ip_unblocked: type('medium', 'A platform admin released a blocked address.', { subject: 'the address' }),
  suspicious_activity: type(
    'high',
    'A rule recognised a pattern of abuse, or a stored value was altered or moved (critical).',
    {
      rule: 'which rule; sealed_value_does_not_open for an altered value',
      route: 'route and method',
      job: 'the background job, when it was no request',
      count: 'how often',
      accounts: 'how many accounts',
      network: 'from which network',
    },
  ),
  audit_tampering: type('critical', 'The audit log no longer matches its seals.', {
    firstBrokenId: 'the row',
  }),
  audit_forwarding_stuck: type('critical', 'The audit log has not been forwarded for ten minutes or more.', {
    code: 'why the last delivery failed',
    minutes: 'for how long',
  }),
  audit_forwarding_recovered: type('low', 'The audit log is forwarded again after it was stuck.', {
    minutes: 'how long it was not',
  }),
  // People with power
  break_glass: type('critical', 'A platform admin opened a way into a team.', {
    reason: 'the reason given',
    write: 'whether changes are allowed',
    pii: 'whether personal data is unmasked',
    expiresAt: 'when it ends',
  }),
  platform_admin_granted: type(
    'critical',
    'Somebody was made a platform admin by command, or ceased to be one.',
    {
      action: 'grant or revoke',
    },
  ),
} as const satisfies Record<string, EventType>;

export type SecurityEventType = keyof typeof EVENT_TYPES;

export const EVENT_TYPE_NAMES = Object.keys(EVENT_TYPES) as SecurityEventType[];

/** The severity of an event of this type when it has none of its own. */
export function defaultSeverity(name: SecurityEventType): Severity {
  return EVENT_TYPES[name].severity;
}

function type(severity: Severity, meaning: string, fields: Readonly<Record<string, string>>): EventType {
  return { severity, meaning, fields };
}

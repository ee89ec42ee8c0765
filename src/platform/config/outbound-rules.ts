import { boolean, list, matching, optional, parseUrl, path, ranges } from './variable-rules.js';

/** Where the audit log is forwarded to. A user name or password has no place in it: deliveries are signed. */
function forwardUrl() {
  const rule =
    'must be a URL that starts with https://, syslog+tls:// or syslog+tcp:// and has a host and no user, query (syslog) or fragment';
  return matching(rule, (text) => {
    const url = parseUrl(text);
    if (!url || !/^(?:https?|syslog\+tls|syslog\+tcp):$/.test(url.protocol) || url.hostname === '')
      return false;
    if (url.username || url.password || text.includes('#')) return false;
    return !url.protocol.startsWith('syslog') || (/^\/?$/.test(url.pathname) && !text.includes('?'));
  });
}

/** Secrets of Standard Webhooks: `whsec_` and base64 of 24 to 64 bytes. */
function readWebhookSecret(text: string): string | undefined {
  if (!text.startsWith('whsec_')) return undefined;
  const base64 = text.slice('whsec_'.length);
  const bytes = Buffer.from(base64, 'base64');
  return bytes.length >= 24 && bytes.length <= 64 && bytes.toString('base64') === base64 ? text : undefined;
}

function mailboxes() {
  return list('must be a comma list of e-mail addresses', (text) =>
    /^[^\s<>",;@\p{Cc}]{1,64}@[^\s<>",;@\p{Cc}]{1,189}$/u.test(text) ? text : undefined,
  );
}

/** What may leave this installation by itself, and where to. */
export function outboundVariables() {
  return {
    OUTBOUND_ALLOWED_RANGES: ranges(),
    OUTBOUND_ALLOW_HTTP: boolean().default(false),
  };
}

export function forwardingVariables() {
  return {
    AUDIT_FORWARD_URL: optional(forwardUrl()),
    AUDIT_FORWARD_SECRET: list(
      'must be whsec_ and base64 of 24 to 64 bytes (a comma list during a rotation)',
      readWebhookSecret,
    ),
    AUDIT_FORWARD_ALLOWED_RANGES: ranges(),
    AUDIT_FORWARD_CA_FILE: optional(path()),
    PLATFORM_ALERT_EMAILS: mailboxes(),
  };
}

/** Rules between these variables; see `conflicts`. */
export function outboundConflicts(raw: Readonly<Record<string, string>>): string[] {
  const problems: string[] = [];
  const target = raw['AUDIT_FORWARD_URL'] ?? '';
  const allowsHttp = /^(?:true|1)$/.test(raw['OUTBOUND_ALLOW_HTTP'] ?? '');
  if (/^https?:/.test(target) && !('AUDIT_FORWARD_SECRET' in raw)) {
    problems.push('AUDIT_FORWARD_SECRET: must be set when AUDIT_FORWARD_URL is a webhook');
  }
  if (target.startsWith('http:') && !allowsHttp) {
    problems.push('AUDIT_FORWARD_URL: must start with https:// unless OUTBOUND_ALLOW_HTTP is true');
  }
  if (raw['NODE_ENV'] === 'production' && allowsHttp) {
    problems.push('OUTBOUND_ALLOW_HTTP: must be false in production');
  }
  return problems;
}

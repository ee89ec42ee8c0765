import { isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';
import { parseCidr } from '../net/cidr.js';

/**
 * The rules of every environment variable.
 *
 * Values may be secrets, so each rule carries its whole error text and no piece reports what it was given.
 */

/** How many requests a caller may make within a fixed window. */
export interface RateLimit {
  readonly limit: number;
  readonly windowSeconds: number;
}

/** 64 random hex characters show fewer than 8 of the 16 digits about once in 10^15 keys. */
const MIN_DISTINCT_CHARACTERS = 8;

/** A variable that is read by `read`; `undefined` from `read` means that the rule is broken. */
function variable<T>(rule: string, read: (text: string) => T | undefined) {
  const missing = `is missing; it ${rule}`;
  return z
    .string({ error: (issue) => (issue.input === undefined ? missing : rule) })
    .transform((text, ctx) => {
      const value = read(text);
      if (value === undefined) {
        ctx.addIssue({ code: 'custom', message: rule });
        return z.NEVER;
      }
      return value;
    });
}

function matching(rule: string, test: (text: string) => boolean) {
  return variable(rule, (text) => (test(text) ? text : undefined));
}

function oneOf<const T extends readonly string[]>(names: T) {
  return z.enum(names, { error: `must be one of ${names.join(', ')}` });
}

/** An optional variable is `null` when it is not set, so no reader meets `undefined`. */
function optional<T extends z.ZodType>(piece: T) {
  return piece.nullable().default(null);
}

function boolean() {
  return z.stringbool({
    truthy: ['true', '1'],
    falsy: ['false', '0'],
    case: 'sensitive',
    error: 'must be true, false, 1 or 0',
  });
}

function wholeNumber(min: number, max: number) {
  return variable(`must be a whole number from ${min} to ${max}`, (text) => {
    const value = /^(?:0|[1-9]\d{0,8})$/.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? value : undefined;
  });
}

function rateLimit(standard: string) {
  return variable<RateLimit>('must be N/seconds, for example 100/900', (text) => {
    const parts = /^([1-9]\d{0,6})\/([1-9]\d{0,4})$/.exec(text);
    return parts ? Object.freeze({ limit: Number(parts[1]), windowSeconds: Number(parts[2]) }) : undefined;
  }).prefault(standard);
}

/** A comma list; blanks around an item are dropped, an empty item (a stray comma) breaks the rule. */
function list(rule: string, read: (item: string) => string | undefined) {
  return variable<readonly string[]>(rule, (text) => {
    const items: string[] = [];
    for (const part of text.split(',')) {
      const item = read(part.trim());
      if (item === undefined) return undefined;
      items.push(item);
    }
    return items;
  })
    .default([])
    .transform((items) => Object.freeze(items));
}

/** A range of proxies, or of addresses that are never blocked. Not `/0`: every caller could choose its address, or none be blocked. */
function readProxyRange(text: string): string | undefined {
  const range = parseCidr(text);
  return range && range.prefixLength > 0 ? range.text : undefined;
}

function parseUrl(text: string): URL | null {
  // URL() quietly drops tabs and line breaks, which other parsers of the same text keep.
  return /\s/.test(text) || !URL.canParse(text) ? null : new URL(text);
}

/** A connection URL, kept as it was written: its driver reads user, password and options from it. */
function connectionUrl(...schemes: readonly string[]) {
  const rule = `must be a URL that starts with ${schemes.map((scheme) => `${scheme}//`).join(' or ')}`;
  return matching(rule, (text) => schemes.includes(parseUrl(text)?.protocol ?? ''));
}

/** An address that paths are appended to; returned without its last slash. */
function baseUrl(...schemes: readonly string[]) {
  const names = schemes.map((scheme) => `${scheme}//`).join(' or ');
  return variable(`must be a URL that starts with ${names} and has no user, query or fragment`, (text) => {
    const url = parseUrl(text);
    if (!url || !schemes.includes(url.protocol) || url.username || url.password || /[?#]/.test(text))
      return undefined;
    return url.href.replace(/\/+$/, '');
  });
}

function readOrigin(text: string): string | undefined {
  const url = parseUrl(text);
  return url && /^https?:$/.test(url.protocol) && url.origin === text ? text : undefined;
}

function isHost(text: string): boolean {
  if (isIPv4(text) || (isIPv6(text) && !text.includes('%'))) return true;
  const looksNumeric = /(?:^|\.)\d+$/.test(text);
  return !looksNumeric && /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})$/.test(text);
}

/**
 * Whether a secret is plainly not random: few different characters, or one stretch written again and again.
 * It cannot prove strength; it catches the placeholder that was never replaced.
 */
export function isPredictable(secret: string): boolean {
  if (new Set(secret).size < MIN_DISTINCT_CHARACTERS) return true;
  for (let period = 1; period <= secret.length / 2; period += 1) {
    if (secret.startsWith(secret.slice(period))) return true;
  }
  return false;
}

/** A secret's rule text and its reading. */
interface SecretRule {
  readonly text: string;
  readonly read: (text: string) => string | undefined;
}

function jwtSecretRule(isProduction: boolean): SecretRule {
  return {
    text: `must have ${isProduction ? '64 to 1024 random characters' : '64 to 1024 characters'} without blanks`,
    read: (text) => (/^\S{64,1024}$/.test(text) && isAcceptable(text, isProduction) ? text : undefined),
  };
}

function masterKeyRule(isProduction: boolean): SecretRule {
  return {
    text: `must be 64 ${isProduction ? 'random ' : ''}hex characters`,
    read: (text) => {
      const key = text.toLowerCase();
      return /^[0-9a-f]{64}$/.test(key) && isAcceptable(key, isProduction) ? key : undefined;
    },
  };
}

function signingKeyRule(isProduction: boolean): SecretRule {
  return {
    text: `must be base64 of 32 ${isProduction ? 'random ' : ''}bytes`,
    read: (text) => {
      const bytes = Buffer.from(text, 'base64');
      const isCanonical = bytes.length === 32 && bytes.toString('base64') === text;
      return isCanonical && isAcceptable(bytes.toString('hex'), isProduction) ? text : undefined;
    },
  };
}

/** In production a secret must also look random; elsewhere a readable one is a developer's own choice. */
function isAcceptable(secret: string, isProduction: boolean): boolean {
  return !isProduction || !isPredictable(secret);
}

function secretOf(rule: SecretRule, isProduction: boolean) {
  const piece = variable(rule.text, rule.read);
  return isProduction ? piece : optional(piece);
}

function secretList(rule: SecretRule) {
  return list(`must be a comma list in which each item ${rule.text}`, rule.read);
}

function mailFrom() {
  return matching('must be an e-mail address, or Name <address>', (text) =>
    /^(?:[^<>",;\p{Cc}]{1,100} <[^\s<>",;@]+@[^\s<>",;@]+>|[^\s<>",;@]+@[^\s<>",;@]+)$/u.test(text),
  );
}

function path() {
  return matching('must be a path', (text) => !text.includes('\0'));
}

function credential() {
  return matching('must not contain blanks or control characters', (text) =>
    /^[^\s\p{Cc}]{1,512}$/u.test(text),
  );
}

const http = ['http:', 'https:'] as const;
const postgres = ['postgres:', 'postgresql:'] as const;

/**
 * Every variable Latchkey reads. The rules differ by environment only where a weak or missing value is tolerable while
 * developing; being rules of single fields, they are all reported in one pass.
 */
export function environmentSchema(isProduction: boolean) {
  const jwt = jwtSecretRule(isProduction);
  const masterKey = masterKeyRule(isProduction);
  return z.object({
    NODE_ENV: oneOf(['development', 'test', 'production']).default('development'),
    HOST: matching('must be an IP address or a host name', isHost).default('127.0.0.1'),
    PORT: wholeNumber(0, 65535).default(3000),
    METRICS_PORT: optional(wholeNumber(0, 65535)),
    DATA_DIR: path().default('.latchkey'),
    DATABASE_URL: isProduction ? connectionUrl(...postgres) : optional(connectionUrl(...postgres)),
    DATABASE_MIGRATION_URL: optional(connectionUrl(...postgres)),
    DATABASE_DIRECT_URL: optional(connectionUrl(...postgres)),
    DATABASE_REPLICA_URL: optional(connectionUrl(...postgres)),
    DATABASE_POOL_MAX: wholeNumber(1, 500).default(16),
    REDIS_URL: optional(connectionUrl('redis:', 'rediss:')),
    ROLE: oneOf(['api', 'worker', 'all']).default('all'),
    PUBLIC_BASE_URL: isProduction ? baseUrl('https:') : optional(baseUrl(...http)),
    TRUSTED_PROXIES: list(
      'must be a comma list of CIDR ranges (IPv4 or IPv6, no bits after the prefix, never /0)',
      readProxyRange,
    ),
    IP_BLOCK_ALLOWLIST: list(
      'must be a comma list of CIDR ranges (IPv4 or IPv6, no bits after the prefix, never /0)',
      readProxyRange,
    ),
    CORS_ORIGINS: list('must be a comma list of exact origins such as https://app.example.com', readOrigin),
    REGISTRATION: oneOf(['open', 'invite', 'closed']).default(isProduction ? 'invite' : 'open'),
    REQUIRE_2FA: boolean().default(isProduction),
    CSRF_BIND_IP: boolean().default(isProduction),
    JWT_SECRET: secretOf(jwt, isProduction),
    JWT_PREVIOUS_SECRETS: secretList(jwt),
    MASTER_ENCRYPTION_KEY: secretOf(masterKey, isProduction),
    MASTER_ENCRYPTION_PREVIOUS_KEYS: secretList(masterKey),
    KEY_PROVIDER: oneOf(['environment']).default('environment'),
    AUDIT_SIGNING_KEY: secretOf(signingKeyRule(isProduction), isProduction),
    SMTP_URL: optional(connectionUrl('smtp:', 'smtps:')),
    MAIL_FROM: mailFrom().default('Latchkey <no-reply@localhost>'),
    TWILIO_BASE_URL: baseUrl(...http).default('https://api.twilio.com'),
    SENDGRID_BASE_URL: baseUrl(...http).default('https://api.sendgrid.com'),
    TWILIO_ACCOUNT_SID: optional(credential()),
    TWILIO_AUTH_TOKEN: optional(credential()),
    TWILIO_API_KEY: optional(credential()),
    TWILIO_API_SECRET: optional(credential()),
    ALLOW_ENV_CREDENTIALS: boolean().default(!isProduction),
    ANONYMOUS_RATE_LIMIT: rateLimit('100/900'),
    USER_RATE_LIMIT: rateLimit('3000/900'),
    API_KEY_RATE_LIMIT: rateLimit('600/60'),
    LOG_LEVEL: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
    LOG_DIR: optional(path()),
    OTEL_EXPORTER_OTLP_ENDPOINT: optional(baseUrl(...http)),
  });
}

export type Environment = z.output<ReturnType<typeof environmentSchema>>;

/** The names of all variables, in the order in which they are documented. */
export const environmentNames: readonly string[] = Object.keys(environmentSchema(false).shape);

/** The texts as they were set, before any reading; blank ones are absent. */
export type RawEnvironment = Readonly<Record<string, string>>;

/** Rules between variables. Looks at the texts, so that it also reports when single variables are wrong. */
export function conflicts(raw: RawEnvironment): string[] {
  const problems: string[] = [];
  const { MASTER_ENCRYPTION_KEY, JWT_SECRET, AUDIT_SIGNING_KEY, METRICS_PORT, PORT = '3000' } = raw;
  const secrets = [MASTER_ENCRYPTION_KEY, JWT_SECRET, AUDIT_SIGNING_KEY].filter((text) => text !== undefined);
  if (new Set(secrets).size < secrets.length) {
    problems.push('JWT_SECRET, MASTER_ENCRYPTION_KEY, AUDIT_SIGNING_KEY: must differ from each other');
  }
  if (METRICS_PORT !== undefined && METRICS_PORT !== '0' && METRICS_PORT === PORT) {
    problems.push('METRICS_PORT: must differ from PORT');
  }
  if ('TWILIO_API_KEY' in raw !== 'TWILIO_API_SECRET' in raw) {
    problems.push('TWILIO_API_KEY, TWILIO_API_SECRET: must be set together');
  }
  return problems;
}

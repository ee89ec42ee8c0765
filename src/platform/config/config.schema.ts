import { z } from 'zod';
import { forwardingVariables, outboundConflicts, outboundVariables } from './outbound-rules.js';
import {
  baseUrl,
  boolean,
  connectionUrl,
  credential,
  isHost,
  list,
  matching,
  oneOf,
  optional,
  path,
  ranges,
  rateLimit,
  readOrigin,
  variable,
  wholeNumber,
} from './variable-rules.js';

/** The rules of every environment variable; what they are made of is in `variable-rules.ts`. */

/** 64 random hex characters show fewer than 8 of the 16 digits about once in 10^15 keys. */
const MIN_DISTINCT_CHARACTERS = 8;

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

/** DER of an Ed25519 public key up to its 32 bytes (RFC 8410, section 4). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** An earlier signing key, or its public half alone: the middle line of its PEM. */
function earlierSigningKeyRule(isProduction: boolean): SecretRule {
  const seed = signingKeyRule(isProduction);
  return {
    text: `${seed.text} or be the middle line of an Ed25519 public key in PEM`,
    read: (text) => {
      const bytes = Buffer.from(text, 'base64');
      const isPublic = bytes.length === 44 && bytes.subarray(0, 12).equals(SPKI_PREFIX);
      return isPublic && bytes.toString('base64') === text ? text : seed.read(text);
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
    METRICS_HOST: matching('must be an IP address or a host name', isHost).default('127.0.0.1'),
    DATA_DIR: path().default('.latchkey'),
    DATABASE_URL: isProduction ? connectionUrl(...postgres) : optional(connectionUrl(...postgres)),
    DATABASE_MIGRATION_URL: optional(connectionUrl(...postgres)),
    DATABASE_DIRECT_URL: optional(connectionUrl(...postgres)),
    DATABASE_REPLICA_URL: optional(connectionUrl(...postgres)),
    DATABASE_POOL_MAX: wholeNumber(1, 500).default(8),
    REDIS_URL: optional(connectionUrl('redis:', 'rediss:')),
    ROLE: oneOf(['api', 'worker', 'all']).default('all'),
    PUBLIC_BASE_URL: isProduction ? baseUrl('https:') : optional(baseUrl(...http)),
    TRUSTED_PROXIES: ranges(),
    IP_BLOCK_ALLOWLIST: ranges(),
    ...outboundVariables(),
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
    AUDIT_SIGNING_PREVIOUS_KEYS: secretList(earlierSigningKeyRule(isProduction)),
    AUDIT_RETENTION_MONTHS: optional(wholeNumber(12, 1200)),
    ...forwardingVariables(),
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
  const earlier = (raw['AUDIT_SIGNING_PREVIOUS_KEYS'] ?? '').split(',').map((text) => text.trim());
  const secrets = [MASTER_ENCRYPTION_KEY, JWT_SECRET, AUDIT_SIGNING_KEY].filter((text) => text !== undefined);
  if (new Set(secrets).size < secrets.length) {
    problems.push('JWT_SECRET, MASTER_ENCRYPTION_KEY, AUDIT_SIGNING_KEY: must differ from each other');
  }
  if (AUDIT_SIGNING_KEY !== undefined && earlier.includes(AUDIT_SIGNING_KEY)) {
    problems.push('AUDIT_SIGNING_PREVIOUS_KEYS: must not hold AUDIT_SIGNING_KEY itself');
  }
  if (METRICS_PORT !== undefined && METRICS_PORT !== '0' && METRICS_PORT === PORT) {
    problems.push('METRICS_PORT: must differ from PORT');
  }
  if ('TWILIO_API_KEY' in raw !== 'TWILIO_API_SECRET' in raw) {
    problems.push('TWILIO_API_KEY, TWILIO_API_SECRET: must be set together');
  }
  return [...problems, ...outboundConflicts(raw)];
}

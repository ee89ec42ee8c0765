import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import {
  conflicts,
  type Environment,
  environmentNames,
  environmentSchema,
  type RawEnvironment,
} from './config.schema.js';
import type { RateLimit } from './variable-rules.js';
import { loadOrCreateDevelopmentSecrets } from './development-secrets.js';

/**
 * The settings of this process: read once, complete, frozen. A class, so that Nest injects it by type; what is not set
 * is `null`. It holds secrets: never log it as a whole.
 */
export abstract class Config {
  abstract readonly nodeEnv: Environment['NODE_ENV'];
  abstract readonly isProduction: boolean;
  abstract readonly host: string;
  /** 0 lets the system choose a free port. */
  abstract readonly port: number;
  abstract readonly metricsPort: number | null;
  /** Not `host`: an API that is open to the world must not open its metrics with it. */
  abstract readonly metricsHost: string;
  /** Absolute path. */
  abstract readonly dataDir: string;
  /** The application role's connection; `null` (outside production) means the embedded server. */
  abstract readonly databaseUrl: string | null;
  abstract readonly databaseMigrationUrl: string | null;
  abstract readonly databaseDirectUrl: string | null;
  abstract readonly databaseReplicaUrl: string | null;
  abstract readonly databasePoolMax: number;
  abstract readonly redisUrl: string | null;
  abstract readonly role: Environment['ROLE'];
  /** Without a slash at its end; `null` (outside production) means the address that the server listens on. */
  abstract readonly publicBaseUrl: string | null;
  /** CIDR ranges, each with its prefix length. */
  abstract readonly trustedProxies: readonly string[];
  /** CIDR ranges whose addresses are recorded but never blocked. */
  abstract readonly ipBlockAllowlist: readonly string[];
  /** CIDR ranges beyond the public internet that URLs of users may lead to. */
  abstract readonly outboundAllowedRanges: readonly string[];
  /** Whether URLs of users may start with http://; never in production. */
  abstract readonly outboundAllowHttp: boolean;
  abstract readonly corsOrigins: readonly string[];
  abstract readonly registration: Environment['REGISTRATION'];
  abstract readonly requireTwoFactor: boolean;
  abstract readonly csrfBindIp: boolean;
  abstract readonly jwtSecret: string;
  abstract readonly jwtPreviousSecrets: readonly string[];
  /** 64 lower-case hex characters. */
  abstract readonly masterEncryptionKey: string;
  abstract readonly masterEncryptionPreviousKeys: readonly string[];
  abstract readonly keyProvider: Environment['KEY_PROVIDER'];
  /** Base64 of the 32-byte Ed25519 seed. */
  abstract readonly auditSigningKey: string;
  /** Earlier ones, each base64 of its seed or of its public half (SubjectPublicKeyInfo). */
  abstract readonly auditSigningPreviousKeys: readonly string[];
  /** Months that the audit log keeps besides the present one; `null` keeps everything. */
  abstract readonly auditRetentionMonths: number | null;
  /** https://, syslog+tls:// or syslog+tcp://; `null` means that the audit log stays here. */
  abstract readonly auditForwardUrl: string | null;
  /** `whsec_…`, the present one first. */
  abstract readonly auditForwardSecrets: readonly string[];
  /** CIDR ranges that the audit log may be forwarded to, besides {@link outboundAllowedRanges}. */
  abstract readonly auditForwardAllowedRanges: readonly string[];
  /** Absolute path of a PEM file. */
  abstract readonly auditForwardCaFile: string | null;
  /** Who is mailed about critical events that concern no team. */
  abstract readonly platformAlertEmails: readonly string[];
  abstract readonly smtpUrl: string | null;
  abstract readonly mailFrom: string;
  abstract readonly twilioBaseUrl: string;
  abstract readonly sendgridBaseUrl: string;
  abstract readonly twilioAccountSid: string | null;
  abstract readonly twilioAuthToken: string | null;
  abstract readonly twilioApiKey: string | null;
  abstract readonly twilioApiSecret: string | null;
  abstract readonly allowEnvCredentials: boolean;
  abstract readonly anonymousRateLimit: RateLimit;
  abstract readonly userRateLimit: RateLimit;
  abstract readonly apiKeyRateLimit: RateLimit;
  abstract readonly logLevel: Environment['LOG_LEVEL'];
  /** Absolute path. */
  abstract readonly logDir: string | null;
  abstract readonly otelEndpoint: string | null;
}

/** Everything that is wrong with the environment: the variables and the rules they break, never a value. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(
      `Latchkey cannot start, the environment is not valid:\n${problems.map((line) => `  - ${line}`).join('\n')}`,
    );
    this.name = 'ConfigError';
  }
}

/**
 * Reads the settings from `env`, and from the file `.env` in `cwd` for what `env` does not set.
 * Outside production, secrets that are not set are generated once and kept in the data directory.
 *
 * @throws {ConfigError} naming every variable that breaks its rule.
 */
export function loadConfig(env: NodeJS.ProcessEnv = process.env, cwd: string = process.cwd()): Config {
  const raw = collect({ ...readEnvFile(cwd), ...withoutBlanks(env) });
  const parsed = environmentSchema(raw['NODE_ENV'] === 'production').safeParse(raw);
  const problems = parsed.error?.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`) ?? [];
  problems.push(...conflicts(raw));
  if (!parsed.success || problems.length > 0) throw new ConfigError(Object.freeze(problems));
  return toConfig(parsed.data, cwd);
}

function readEnvFile(cwd: string): NodeJS.Dict<string> {
  const file = join(cwd, '.env');
  return existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {};
}

/** `KEY=` means "not set": compose files and templates cannot leave a variable out. */
function withoutBlanks(env: NodeJS.Dict<string>): Record<string, string> {
  const entries = Object.entries(env).filter((entry): entry is [string, string] => Boolean(entry[1]?.trim()));
  return Object.fromEntries(entries);
}

function collect(env: NodeJS.Dict<string>): RawEnvironment {
  const known = new Set(environmentNames);
  return Object.fromEntries(Object.entries(withoutBlanks(env)).filter(([name]) => known.has(name)));
}

function toConfig(env: Environment, cwd: string): Config {
  const dataDir = resolve(cwd, env.DATA_DIR);
  return Object.freeze({
    nodeEnv: env.NODE_ENV,
    isProduction: env.NODE_ENV === 'production',
    host: env.HOST,
    port: env.PORT,
    metricsPort: env.METRICS_PORT,
    metricsHost: env.METRICS_HOST,
    dataDir,
    databaseUrl: env.DATABASE_URL,
    databaseMigrationUrl: env.DATABASE_MIGRATION_URL,
    databaseDirectUrl: env.DATABASE_DIRECT_URL,
    databaseReplicaUrl: env.DATABASE_REPLICA_URL,
    databasePoolMax: env.DATABASE_POOL_MAX,
    redisUrl: env.REDIS_URL,
    role: env.ROLE,
    publicBaseUrl: env.PUBLIC_BASE_URL,
    trustedProxies: env.TRUSTED_PROXIES,
    ipBlockAllowlist: env.IP_BLOCK_ALLOWLIST,
    outboundAllowedRanges: env.OUTBOUND_ALLOWED_RANGES,
    outboundAllowHttp: env.OUTBOUND_ALLOW_HTTP,
    corsOrigins: env.CORS_ORIGINS,
    registration: env.REGISTRATION,
    requireTwoFactor: env.REQUIRE_2FA,
    csrfBindIp: env.CSRF_BIND_IP,
    ...keysOf(env, dataDir),
    jwtPreviousSecrets: env.JWT_PREVIOUS_SECRETS,
    masterEncryptionPreviousKeys: env.MASTER_ENCRYPTION_PREVIOUS_KEYS,
    keyProvider: env.KEY_PROVIDER,
    auditSigningPreviousKeys: env.AUDIT_SIGNING_PREVIOUS_KEYS,
    auditRetentionMonths: env.AUDIT_RETENTION_MONTHS,
    auditForwardUrl: env.AUDIT_FORWARD_URL,
    auditForwardSecrets: env.AUDIT_FORWARD_SECRET,
    auditForwardAllowedRanges: env.AUDIT_FORWARD_ALLOWED_RANGES,
    auditForwardCaFile: env.AUDIT_FORWARD_CA_FILE === null ? null : resolve(cwd, env.AUDIT_FORWARD_CA_FILE),
    platformAlertEmails: env.PLATFORM_ALERT_EMAILS,
    smtpUrl: env.SMTP_URL,
    mailFrom: env.MAIL_FROM,
    twilioBaseUrl: env.TWILIO_BASE_URL,
    sendgridBaseUrl: env.SENDGRID_BASE_URL,
    twilioAccountSid: env.TWILIO_ACCOUNT_SID,
    twilioAuthToken: env.TWILIO_AUTH_TOKEN,
    twilioApiKey: env.TWILIO_API_KEY,
    twilioApiSecret: env.TWILIO_API_SECRET,
    allowEnvCredentials: env.ALLOW_ENV_CREDENTIALS,
    anonymousRateLimit: env.ANONYMOUS_RATE_LIMIT,
    userRateLimit: env.USER_RATE_LIMIT,
    apiKeyRateLimit: env.API_KEY_RATE_LIMIT,
    logLevel: env.LOG_LEVEL,
    logDir: env.LOG_DIR === null ? null : resolve(cwd, env.LOG_DIR),
    otelEndpoint: env.OTEL_EXPORTER_OTLP_ENDPOINT,
  });
}

type InstallationKeys = Pick<Config, 'jwtSecret' | 'masterEncryptionKey' | 'auditSigningKey'>;

/** In production the schema has already refused a missing key, so nothing is generated there. */
function keysOf(env: Environment, dataDir: string): InstallationKeys {
  const { JWT_SECRET: jwtSecret, MASTER_ENCRYPTION_KEY: masterKey, AUDIT_SIGNING_KEY: auditSigningKey } = env;
  if (jwtSecret !== null && masterKey !== null && auditSigningKey !== null) {
    return { jwtSecret, masterEncryptionKey: masterKey, auditSigningKey };
  }
  const generated = loadOrCreateDevelopmentSecrets(dataDir);
  return {
    jwtSecret: jwtSecret ?? generated.jwtSecret,
    masterEncryptionKey: masterKey ?? generated.masterEncryptionKey,
    auditSigningKey: auditSigningKey ?? generated.auditSigningKey,
  };
}

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv, promisify } from 'node:util';
import { Injectable } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { transformFileSync } from '@swc/core';
import * as fc from 'fast-check';
import { ConfigModule } from './config.module.js';
import { environmentNames, isPredictable } from './config.schema.js';
import { Config, ConfigError, loadConfig } from './config.js';
import { loadOrCreateDevelopmentSecrets } from './development-secrets.js';

let cwd: string;

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'latchkey-config-'));
});

afterEach(() => {
  rmSync(cwd, { recursive: true, force: true });
});

function productionEnv(): Record<string, string> {
  return {
    NODE_ENV: 'production',
    DATABASE_URL: 'postgresql://latchkey_api@db.example.com/latchkey',
    PUBLIC_BASE_URL: 'https://crm.example.com',
    JWT_SECRET: randomBytes(64).toString('base64'),
    MASTER_ENCRYPTION_KEY: randomBytes(32).toString('hex'),
    AUDIT_SIGNING_KEY: randomBytes(32).toString('base64'),
  };
}

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(env, cwd);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

function namesOf(problems: readonly string[]): string[] {
  return problems.map((problem) => problem.slice(0, problem.indexOf(':'))).sort();
}

describe('loadConfig', () => {
  it('needs nothing outside production and has the documented defaults', () => {
    const { jwtSecret, masterEncryptionKey, auditSigningKey, ...rest } = loadConfig({}, cwd);
    expect(jwtSecret.length).toBeGreaterThanOrEqual(64);
    expect(masterEncryptionKey).toMatch(/^[0-9a-f]{64}$/);
    expect(Buffer.from(auditSigningKey, 'base64')).toHaveLength(32);
    expect(rest).toEqual({
      nodeEnv: 'development',
      isProduction: false,
      host: '127.0.0.1',
      port: 3000,
      metricsPort: null,
      metricsHost: '127.0.0.1',
      dataDir: join(cwd, '.latchkey'),
      databaseUrl: null,
      databaseMigrationUrl: null,
      databaseDirectUrl: null,
      databaseReplicaUrl: null,
      databasePoolMax: 8,
      redisUrl: null,
      role: 'all',
      publicBaseUrl: null,
      trustedProxies: [],
      ipBlockAllowlist: [],
      outboundAllowedRanges: [],
      outboundAllowHttp: false,
      corsOrigins: [],
      registration: 'open',
      requireTwoFactor: false,
      csrfBindIp: false,
      jwtPreviousSecrets: [],
      masterEncryptionPreviousKeys: [],
      keyProvider: 'environment',
      auditForwardUrl: null,
      auditRetentionMonths: null,
      auditSigningPreviousKeys: [],
      auditForwardSecrets: [],
      auditForwardAllowedRanges: [],
      auditForwardCaFile: null,
      platformAlertEmails: [],
      smtpUrl: null,
      mailFrom: 'Latchkey <no-reply@localhost>',
      twilioBaseUrl: 'https://api.twilio.com',
      sendgridBaseUrl: 'https://api.sendgrid.com',
      twilioAccountSid: null,
      twilioAuthToken: null,
      twilioApiKey: null,
      twilioApiSecret: null,
      allowEnvCredentials: true,
      anonymousRateLimit: { limit: 100, windowSeconds: 900 },
      userRateLimit: { limit: 3000, windowSeconds: 900 },
      apiKeyRateLimit: { limit: 600, windowSeconds: 60 },
      logLevel: 'info',
      logDir: null,
      otelEndpoint: null,
    });
  });

  it('is stricter in production by default, and each default can be overruled', () => {
    const strict = {
      registration: 'invite',
      requireTwoFactor: true,
      csrfBindIp: true,
      allowEnvCredentials: false,
    };
    expect(loadConfig(productionEnv(), cwd)).toMatchObject(strict);
    const relaxed = {
      REGISTRATION: 'open',
      REQUIRE_2FA: 'false',
      CSRF_BIND_IP: '0',
      ALLOW_ENV_CREDENTIALS: '1',
    };
    expect(loadConfig({ ...productionEnv(), ...relaxed }, cwd)).toMatchObject({
      registration: 'open',
      requireTwoFactor: false,
      csrfBindIp: false,
      allowEnvCredentials: true,
    });
  });

  it('reads .env, the real environment wins, and a blank variable is not set', () => {
    writeFileSync(join(cwd, '.env'), 'PORT=4000\nHOST="0.0.0.0"\nLOG_LEVEL=warn\n');
    const config = loadConfig({ PORT: '5000', HOST: '', LOG_LEVEL: ' ' }, cwd);
    expect(config).toMatchObject({ port: 5000, host: '0.0.0.0', logLevel: 'warn' });
  });

  it('reads lists, limits and addresses into their types', () => {
    const config = loadConfig(
      {
        TRUSTED_PROXIES: '10.0.0.0/8, 2001:db8::/32,127.0.0.1',
        CORS_ORIGINS: 'https://app.example.com,http://localhost:5173',
        USER_RATE_LIMIT: '5/60',
        PUBLIC_BASE_URL: 'https://crm.example.com/api/',
        MASTER_ENCRYPTION_KEY: 'AB'.repeat(32),
        LOG_DIR: 'logs',
      },
      cwd,
    );
    expect(config).toMatchObject({
      trustedProxies: ['10.0.0.0/8', '2001:db8::/32', '127.0.0.1/32'],
      corsOrigins: ['https://app.example.com', 'http://localhost:5173'],
      userRateLimit: { limit: 5, windowSeconds: 60 },
      publicBaseUrl: 'https://crm.example.com/api',
      masterEncryptionKey: 'ab'.repeat(32),
      logDir: join(cwd, 'logs'),
    });
  });

  it('is frozen throughout', () => {
    const config = loadConfig({ CORS_ORIGINS: 'https://app.example.com' }, cwd);
    const parts = [
      config,
      ...Object.values(config).filter((part) => typeof part === 'object' && part !== null),
    ];
    expect(parts.filter((part) => !Object.isFrozen(part))).toEqual([]);
  });

  it.each([
    ['NODE_ENV', 'prod'],
    ['PORT', '65536'],
    ['PORT', '3e3'],
    ['PORT', '-1'],
    ['METRICS_HOST', '999.1.1.1'],
    ['HOST', '010.0.0.1'],
    ['HOST', 'a b'],
    ['DATABASE_POOL_MAX', '0'],
    ['DATABASE_URL', 'mysql://db/latchkey'],
    ['REDIS_URL', 'localhost:6379'],
    ['ROLE', 'API'],
    ['PUBLIC_BASE_URL', 'https://user:password@example.com'],
    ['PUBLIC_BASE_URL', 'https://example.com/?x=1'],
    ['OUTBOUND_ALLOWED_RANGES', '0.0.0.0/0'],
    ['AUDIT_FORWARD_URL', 'ftp://logs.example.com'],
    ['AUDIT_FORWARD_URL', 'syslog+tls://'],
    ['AUDIT_FORWARD_URL', 'syslog+tls://logs.example.com:6514/path'],
    ['AUDIT_FORWARD_URL', 'syslog+tls://user:password@logs.example.com'],
    ['AUDIT_FORWARD_SECRET', 'whsec_c2hvcnQ='],
    ['AUDIT_FORWARD_SECRET', 'c2VjcmV0'],
    ['PLATFORM_ALERT_EMAILS', 'nobody'],
    ['TRUSTED_PROXIES', '010.0.0.1'],
    ['TRUSTED_PROXIES', '10.1'],
    ['TRUSTED_PROXIES', '10.0.0.0/33'],
    ['TRUSTED_PROXIES', '2001:db8::/129'],
    ['TRUSTED_PROXIES', '10.1.2.3/8'],
    ['TRUSTED_PROXIES', '0.0.0.0/0'],
    ['TRUSTED_PROXIES', '::/0'],
    ['TRUSTED_PROXIES', '10.0.0.0/08'],
    ['TRUSTED_PROXIES', '10.0.0.0/8,'],
    ['TRUSTED_PROXIES', 'fe80::1%eth0'],
    ['TRUSTED_PROXIES', 'true'],
    ['CORS_ORIGINS', '*'],
    ['CORS_ORIGINS', 'https://app.example.com/'],
    ['REGISTRATION', 'yes'],
    ['REQUIRE_2FA', 'yes'],
    ['REQUIRE_2FA', 'TRUE'],
    ['JWT_SECRET', 'x'.repeat(63)],
    ['JWT_PREVIOUS_SECRETS', 'short'],
    ['MASTER_ENCRYPTION_KEY', 'g'.repeat(64)],
    ['MASTER_ENCRYPTION_KEY', 'a'.repeat(63)],
    ['KEY_PROVIDER', 'hope'],
    ['AUDIT_SIGNING_KEY', Buffer.alloc(31, 7).toString('base64')],
    ['AUDIT_SIGNING_KEY', `${Buffer.alloc(32, 7).toString('base64')}\n`],
    ['AUDIT_SIGNING_PREVIOUS_KEYS', Buffer.alloc(31, 7).toString('base64')],
    ['AUDIT_SIGNING_PREVIOUS_KEYS', Buffer.alloc(44, 7).toString('base64')],
    ['AUDIT_RETENTION_MONTHS', '11'],
    ['AUDIT_RETENTION_MONTHS', '0'],
    ['MAIL_FROM', 'Latchkey <a@b>\r\nBcc: c@d'],
    ['ANONYMOUS_RATE_LIMIT', '100'],
    ['ANONYMOUS_RATE_LIMIT', '0/900'],
    ['ANONYMOUS_RATE_LIMIT', '100/0'],
    ['LOG_LEVEL', 'verbose'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
    ['TWILIO_AUTH_TOKEN', 'two words'],
  ])('refuses %s=%j', (name, value) => {
    expect(namesOf(problemsOf({ [name]: value }))).toEqual([name]);
  });

  it('names variables that contradict each other', () => {
    const key = 'a'.repeat(64);
    const problems = problemsOf({
      JWT_SECRET: key,
      MASTER_ENCRYPTION_KEY: key,
      AUDIT_SIGNING_KEY: Buffer.alloc(32, 7).toString('base64'),
      AUDIT_SIGNING_PREVIOUS_KEYS: Buffer.alloc(32, 7).toString('base64'),
      METRICS_PORT: '3000',
      TWILIO_API_KEY: 'SK1',
    });
    expect(problems).toEqual([
      'JWT_SECRET, MASTER_ENCRYPTION_KEY, AUDIT_SIGNING_KEY: must differ from each other',
      'AUDIT_SIGNING_PREVIOUS_KEYS: must not hold AUDIT_SIGNING_KEY itself',
      'METRICS_PORT: must differ from PORT',
      'TWILIO_API_KEY, TWILIO_API_SECRET: must be set together',
    ]);
  });
});

describe('in production', () => {
  const required = [
    'AUDIT_SIGNING_KEY',
    'DATABASE_URL',
    'JWT_SECRET',
    'MASTER_ENCRYPTION_KEY',
    'PUBLIC_BASE_URL',
  ];

  it('the start is refused with one message that lists everything missing or wrong', () => {
    const problems = problemsOf({ NODE_ENV: 'production', PORT: 'x', TWILIO_API_KEY: 'SK1' });
    expect(namesOf(problems)).toEqual([...required, 'PORT', 'TWILIO_API_KEY, TWILIO_API_SECRET'].sort());
    expect(() => loadConfig({ NODE_ENV: 'production' }, cwd)).toThrow(
      /PUBLIC_BASE_URL: is missing[^]*JWT_SECRET: is missing/,
    );
  });

  it('plain http to outside is refused, and a webhook without a secret to sign with', () => {
    const env = { ...productionEnv(), OUTBOUND_ALLOW_HTTP: 'true' };
    expect(namesOf(problemsOf(env))).toEqual(['OUTBOUND_ALLOW_HTTP']);
    const webhook = { ...productionEnv(), AUDIT_FORWARD_URL: 'http://logs.example.com/' };
    expect(namesOf(problemsOf(webhook))).toEqual(['AUDIT_FORWARD_SECRET', 'AUDIT_FORWARD_URL']);
  });

  it('is recognised when only .env says so', () => {
    writeFileSync(join(cwd, '.env'), 'NODE_ENV=production\n');
    expect(namesOf(problemsOf({}))).toEqual(required);
  });

  it.each([
    ['JWT_SECRET', 'a'.repeat(64)],
    ['JWT_SECRET', 'change-me-please'.repeat(5)],
    ['JWT_PREVIOUS_SECRETS', 'a'.repeat(64)],
    ['MASTER_ENCRYPTION_KEY', '0'.repeat(64)],
    ['MASTER_ENCRYPTION_KEY', '0123456789abcdef'.repeat(4)],
    ['AUDIT_SIGNING_KEY', Buffer.alloc(32, 7).toString('base64')],
    ['PUBLIC_BASE_URL', 'http://crm.example.com'],
  ])('a weak %s is refused', (name, value) => {
    expect(namesOf(problemsOf({ ...productionEnv(), [name]: value }))).toEqual([name]);
  });

  it('no secret is ever generated', () => {
    loadConfig(productionEnv(), cwd);
    problemsOf({ NODE_ENV: 'production' });
    expect(readdirSync(cwd)).toEqual([]);
  });

  it('random secrets are never taken for weak ones', () => {
    const keys = Array.from({ length: 2000 }, () => randomBytes(32).toString('hex'));
    expect(keys.filter(isPredictable)).toEqual([]);
  });
});

describe('an error message', () => {
  // Long enough not to be a word of a rule, and recognisable wherever it comes out.
  const marker = fc.stringMatching(/^[a-z0-9]{12}$/).map((text) => `zq${text}qz`);
  const value = fc
    .tuple(
      marker,
      fc.constantFrom(
        (secret: string) => secret,
        (secret: string) => `postgres://${secret}:${secret}@/ ${secret}`,
        (secret: string) => `ftp://${secret}.example/${secret}`,
        (secret: string) => `10.0.0.0/8,${secret}`,
        (secret: string) => `${secret}\n${secret}\0`,
        (secret: string) => secret.repeat(80),
      ),
    )
    .map(([secret, shape]) => ({ secret, text: shape(secret) }));

  it('never contains a value', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...environmentNames),
        value,
        fc.boolean(),
        (name, { secret, text }, inFile) => {
          const env = { PORT: 'wrong', [name]: text };
          if (inFile) writeFileSync(join(cwd, '.env'), `${name}="${text}"\n`);
          try {
            loadConfig(inFile ? { PORT: 'wrong' } : env, cwd);
          } catch (error) {
            const shown = `${String(error)} ${(error as Error).stack} ${JSON.stringify(error)} ${String((error as Error).cause)}`;
            expect(shown).not.toContain(secret);
            expect(error).toBeInstanceOf(ConfigError);
          } finally {
            rmSync(join(cwd, '.env'), { force: true });
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('development secrets', () => {
  const posixIt = process.platform === 'win32' ? it.skip : it;

  it('are made once and stay the same', () => {
    const dataDir = join(cwd, 'data');
    const first = loadOrCreateDevelopmentSecrets(dataDir);
    expect(loadOrCreateDevelopmentSecrets(dataDir)).toEqual(first);
    expect(readdirSync(dataDir)).toEqual(['secrets.json']);
  });

  it('are the same for processes that start together', async () => {
    const { code } = transformFileSync(join(__dirname, 'development-secrets.ts'), {
      swcrc: false,
      jsc: { parser: { syntax: 'typescript' }, target: 'es2023' },
      module: { type: 'commonjs' },
    });
    const script = `${code}
      const [dataDir, startAt] = process.argv.slice(1);
      while (Date.now() < Number(startAt));
      process.stdout.write(JSON.stringify(exports.loadOrCreateDevelopmentSecrets(dataDir)));`;
    const dataDir = join(cwd, 'data');
    const startAt = String(Date.now() + 1500);
    const start = () => promisify(execFile)(process.execPath, ['-e', script, dataDir, startAt]);
    const outputs = await Promise.all(Array.from({ length: 6 }, start));
    expect(new Set(outputs.map((output) => output.stdout)).size).toBe(1);
    expect(readdirSync(dataDir)).toEqual(['secrets.json']);
  });

  posixIt('are readable by their owner only, also after a copy has loosened the mode', () => {
    const dataDir = join(cwd, 'data');
    const file = join(dataDir, 'secrets.json');
    loadOrCreateDevelopmentSecrets(dataDir);
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    chmodSync(file, 0o644);
    loadOrCreateDevelopmentSecrets(dataDir);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('are good enough for production, where they would still have to be set by hand', () => {
    const secrets = loadOrCreateDevelopmentSecrets(join(cwd, 'data'));
    const env = {
      ...productionEnv(),
      JWT_SECRET: secrets.jwtSecret,
      MASTER_ENCRYPTION_KEY: secrets.masterEncryptionKey,
      AUDIT_SIGNING_KEY: secrets.auditSigningKey,
    };
    expect(problemsOf(env)).toEqual([]);
  });

  it('yield to what the environment sets', () => {
    const jwtSecret = 'j'.repeat(64);
    expect(loadConfig({ JWT_SECRET: jwtSecret }, cwd).jwtSecret).toBe(jwtSecret);
    const masterKey = 'd'.repeat(64);
    const audit = Buffer.alloc(32, 1).toString('base64');
    const elsewhere = join(cwd, 'elsewhere');
    loadConfig(
      {
        JWT_SECRET: jwtSecret,
        MASTER_ENCRYPTION_KEY: masterKey,
        AUDIT_SIGNING_KEY: audit,
        DATA_DIR: elsewhere,
      },
      cwd,
    );
    expect(existsSync(elsewhere)).toBe(false);
  });

  it('are not replaced when the file is damaged, and the error does not quote it', () => {
    const dataDir = join(cwd, 'data');
    loadOrCreateDevelopmentSecrets(dataDir);
    const file = join(dataDir, 'secrets.json');
    for (const damage of ['{"jwtSecret":"zqmarkerqz', '{"jwtSecret":"zqmarkerqz"}', '']) {
      writeFileSync(file, damage);
      expect(() => loadOrCreateDevelopmentSecrets(dataDir)).toThrow(
        /^(?!.*zqmarkerqz).*secrets\.json is damaged/,
      );
      expect(readFileSync(file, 'utf8')).toBe(damage);
    }
  });
});

describe('.env.example', () => {
  const text = readFileSync(join(__dirname, '../../../.env.example'), 'utf8');

  it('names every variable and no other, in groups, each once', () => {
    const names = [...text.matchAll(/^(\w+)=/gm)].map((match) => match[1]);
    expect([...names].sort()).toEqual([...environmentNames].sort());
    expect(Object.keys(parseEnv(text)).sort()).toEqual([...environmentNames].sort());
  });

  it('explains each variable in the line above it and holds no value', () => {
    const lines = text.split('\n');
    lines.forEach((line, index) => {
      if (!/^\w+=/.test(line)) return;
      expect({ line, value: line.slice(line.indexOf('=') + 1), above: lines[index - 1] }).toEqual({
        line,
        value: '',
        above: expect.stringMatching(/^# \w.{10,}/),
      });
    });
  });
});

describe('ConfigModule', () => {
  it('gives every provider the one Config by its class', async () => {
    @Injectable()
    class Reader {
      constructor(readonly config: Config) {}
    }
    const config = loadConfig({}, cwd);
    const module = await Test.createTestingModule({
      imports: [ConfigModule.forRoot(config)],
      providers: [Reader],
    }).compile();
    expect(module.get(Reader).config).toBe(config);
  });
});

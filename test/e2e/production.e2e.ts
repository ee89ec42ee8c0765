import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../src/platform/config/config.js';
import { openDatabase } from '../../src/platform/database/open-database.js';
import { cookieOf, freshAddress, PASSWORD, registerOwner } from '../harness/accounts.js';
import { enableTwoFactor } from '../harness/authenticator.js';
import type { Answer } from '../harness/http-client.js';
import { createTestDatabase, startTestApp, type TestApp, type TestDatabase } from '../harness/test-app.js';
import { databaseUrl, testServer } from '../harness/test-server.js';

const REFRESH = '__Host-latchkey_refresh';
const DEVICE = '__Host-latchkey_device';
const ORIGIN = 'https://api.example.com';
const code = (answer: Answer): string => `${answer.status} ${answer.json.error?.code ?? 'ok'}`;

/** The attributes of a Set-Cookie line, without its value. */
const attributesOf = (answer: Answer, name: string): string[] =>
  (answer.headers['set-cookie']?.find((line) => line.startsWith(`${name}=`)) ?? '')
    .split('; ')
    .slice(1)
    .filter((attribute) => !/^(Max-Age|Expires)=/.test(attribute))
    .sort();

describe('in production', () => {
  let app: TestApp;
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase();
    const env = {
      NODE_ENV: 'production',
      DATABASE_URL: database.appUrl,
      DATABASE_MIGRATION_URL: database.ownerUrl,
      PUBLIC_BASE_URL: ORIGIN,
      REGISTRATION: 'open',
    };
    app = await startTestApp({ database, env });
  });
  afterAll(async () => {
    await app?.close();
    await database.drop();
  });

  it('cookies are pinned to host and path, for TLS only, and out of reach of scripts and other sites', async () => {
    const { email } = await registerOwner(app.http);
    const from = freshAddress();
    const signedIn = await app.http.post('/v1/auth/login', { email, password: PASSWORD }, { from });
    const safe = ['HttpOnly', 'Path=/', 'SameSite=Strict', 'Secure'];
    for (const name of [REFRESH, DEVICE]) {
      expect([name, attributesOf(signedIn, name)]).toEqual([name, safe]);
    }
    expect(signedIn.headers['set-cookie']).toHaveLength(2);
    expect(signedIn.headers['strict-transport-security']).toBe('max-age=31536000; includeSubDomains');
    expect(signedIn.headers['content-security-policy']).toContain("default-src 'none'");

    const cookie = cookieOf(signedIn.headers['set-cookie'], REFRESH);
    const headers = { cookie, 'x-csrf-token': signedIn.json.data.csrfToken, origin: ORIGIN };
    const unprefixed = { ...headers, cookie: cookie.replace('__Host-', '') };
    expect(code(await app.http.post('/v1/auth/refresh', undefined, { headers: unprefixed, from }))).toBe(
      '401 UNAUTHENTICATED',
    );
    const refreshed = await app.http.post('/v1/auth/refresh', undefined, { headers, from });
    expect(code(refreshed)).toBe('200 ok');
    expect(attributesOf(refreshed, REFRESH)).toEqual(safe);
    const next = {
      cookie: cookieOf(refreshed.headers['set-cookie'], REFRESH),
      'x-csrf-token': refreshed.json.data.csrfToken,
    };
    const elsewhere = { headers: next, from: freshAddress() };
    expect(code(await app.http.post('/v1/auth/logout', undefined, elsewhere))).toBe('403 CSRF_INVALID');
    const left = await app.http.post('/v1/auth/logout', undefined, { headers: next, from });
    expect(code(left)).toBe('200 ok');
    expect(attributesOf(left, REFRESH)).toEqual(safe);
  });

  it('API keys need a second factor', async () => {
    const owner = await registerOwner(app.http);
    const body = { name: 'Key', scopes: ['clients:read'] };
    expect(code(await owner.http.post('/v1/api-keys', body))).toBe('403 TWO_FACTOR_REQUIRED');
    await enableTwoFactor(app, owner.http);
    expect(code(await owner.http.post('/v1/api-keys', body))).toBe('201 ok');
  });
});

describe('the start in production is refused, without quoting a value,', () => {
  let cwd: string;
  let database: TestDatabase;

  beforeAll(async () => {
    cwd = mkdtempSync(join(tmpdir(), 'latchkey-production-'));
    database = await createTestDatabase();
  });
  afterAll(async () => {
    rmSync(cwd, { recursive: true, force: true });
    await database.drop();
  });

  const start = async (env: Record<string, string | undefined>): Promise<string> => {
    const all: Record<string, string | undefined> = {
      NODE_ENV: 'production',
      DATABASE_URL: database.appUrl,
      DATABASE_MIGRATION_URL: database.ownerUrl,
      PUBLIC_BASE_URL: ORIGIN,
      JWT_SECRET: randomBytes(48).toString('hex'),
      MASTER_ENCRYPTION_KEY: randomBytes(32).toString('hex'),
      AUDIT_SIGNING_KEY: randomBytes(32).toString('base64'),
      ...env,
    };
    const set = Object.entries(all).filter(([, value]) => value !== undefined) as [string, string][];
    try {
      await (await openDatabase(loadConfig(Object.fromEntries(set), cwd), () => undefined)).stop();
      return 'started';
    } catch (error) {
      const text = `${String(error)} ${JSON.stringify(error)}`;
      for (const [name, value] of set) {
        if (name !== 'NODE_ENV') expect([name, text.includes(value)]).toEqual([name, false]);
      }
      for (const url of [env.DATABASE_URL, database.ownerUrl]) {
        const password = url && new URL(url).password;
        if (password) expect(text).not.toContain(password);
      }
      return text;
    }
  };

  it('but a sound one starts', async () => {
    expect(await start({})).toBe('started');
  });

  it.each([
    ['a predictable JWT_SECRET', { JWT_SECRET: 'change-me-please'.repeat(5) }, /JWT_SECRET: must have 64/],
    ['a short JWT_SECRET', { JWT_SECRET: randomBytes(20).toString('hex') }, /JWT_SECRET: must have 64/],
    ['no JWT_SECRET', { JWT_SECRET: undefined }, /JWT_SECRET: is missing/],
    ['no DATABASE_URL', { DATABASE_URL: undefined }, /DATABASE_URL: is missing/],
  ])('with %s', async (_name, env, message) => {
    expect(await start(env)).toMatch(message);
  });

  it('with a superuser, or with the owner of the tables, as the application', async () => {
    const superuser = databaseUrl(testServer().adminUrl, database.name);
    expect(await start({ DATABASE_URL: superuser })).toMatch(/is a superuser or has BYPASSRLS/);
    expect(await start({ DATABASE_URL: database.ownerUrl })).toMatch(/owns tables/);
  });
});

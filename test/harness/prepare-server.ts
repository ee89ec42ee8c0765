import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { migrate } from '../../src/platform/database/migrator.js';
import { startEmbeddedPostgres } from '../../src/platform/database/embedded/start-embedded-postgres.js';
import { type TestServer, TEST_SERVER_VARIABLE } from './test-server.js';

declare global {
  // The one way from set-up to teardown.
  var stopTestServer: (() => Promise<void>) | undefined;
}

/** A real server, and one migrated database as the template of every test file's own. */
export async function prepareServer(): Promise<void> {
  const given = process.env.TEST_DATABASE_URL;
  const adminUrl = given ?? (await startEmbedded());
  const server = await prepareTemplate(adminUrl);
  process.env[TEST_SERVER_VARIABLE] = JSON.stringify(server);
}

async function startEmbedded(): Promise<string> {
  const dataDir = mkdtempSync(join(tmpdir(), 'latchkey-test-'));
  const settings = {
    fsync: 'off',
    full_page_writes: 'off',
    synchronous_commit: 'off',
    max_connections: '200',
  };
  const server = await startEmbeddedPostgres({ dataDir, settings });
  globalThis.stopTestServer = () => server.stop();
  return server.adminUrl('postgres');
}

/** The owner is not a superuser: FORCE ROW LEVEL SECURITY binds owners, and a superuser would hide mistakes. */
async function prepareTemplate(adminUrl: string): Promise<TestServer> {
  const run = randomBytes(4).toString('hex');
  const password = randomBytes(16).toString('hex');
  const template = `latchkey_template_${run}`;
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    await admin.query(
      `CREATE ROLE latchkey_owner_${run} LOGIN CREATEROLE NOSUPERUSER PASSWORD '${password}'`,
    );
    await admin.query(`DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'latchkey_lookup') THEN CREATE ROLE latchkey_lookup NOLOGIN; END IF;
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'latchkey_app') THEN CREATE ROLE latchkey_app NOLOGIN; END IF;
      END $$`);
    await admin.query(`GRANT latchkey_lookup TO latchkey_owner_${run}`);
    await admin.query(
      `CREATE ROLE latchkey_api_${run} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '${password}' IN ROLE latchkey_app`,
    );
    await admin.query(`CREATE DATABASE ${template} OWNER latchkey_owner_${run}`);
    const server: TestServer = {
      adminUrl,
      template,
      ownerUrl: withAccount(adminUrl, `latchkey_owner_${run}`, password, template),
      appUrl: withAccount(adminUrl, `latchkey_api_${run}`, password, template),
    };
    await migrate(server.ownerUrl, await migrationClasses());
    return server;
  } finally {
    await admin.end();
  }
}

async function migrationClasses(): Promise<(new () => object)[]> {
  const directory = join(__dirname, '../../migrations');
  const files = readdirSync(directory)
    .filter((name) => name.endsWith('.ts'))
    .sort();
  const modules = await Promise.all(
    files.map((name) => import(join(directory, name)) as Promise<Record<string, unknown>>),
  );
  return modules.flatMap((module) => Object.values(module)) as (new () => object)[];
}

function withAccount(url: string, user: string, password: string, database: string): string {
  const account = new URL(url);
  account.username = user;
  account.password = password;
  account.pathname = `/${database}`;
  return account.toString();
}

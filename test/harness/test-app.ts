import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import pg from 'pg';
import { createApp } from '../../src/app.js';
import type { AppParts } from '../../src/app.module.js';
import { loadConfig } from '../../src/platform/config/config.js';
import { DatabaseAddress } from '../../src/platform/database/database-address.js';
import { Log } from '../../src/platform/logging/log.js';
import { HttpClient } from './http-client.js';
import { databaseUrl, testServer } from './test-server.js';

export interface TestDatabase {
  readonly name: string;
  readonly appUrl: string;
  readonly ownerUrl: string;
  /** SQL as the superuser, past row level security. */
  sql(text: string, values?: unknown[]): Promise<any[]>;
  /** Leaves it alone, so that others can be cloned from it. */
  disconnect(): Promise<void>;
  drop(): Promise<void>;
}

/** A database of its own for one test file, cloned from the migrated template or from one that nobody is connected to. */
export async function createTestDatabase(from?: TestDatabase): Promise<TestDatabase> {
  const server = testServer();
  const name = `latchkey_test_${randomBytes(6).toString('hex')}`;
  await asAdmin(server.adminUrl, (admin) =>
    admin.query(
      `CREATE DATABASE ${name} TEMPLATE ${from?.name ?? server.template} OWNER ${new URL(server.ownerUrl).username}`,
    ),
  );
  const pool = new pg.Pool({ connectionString: databaseUrl(server.adminUrl, name), max: 4 });
  pool.on('error', () => undefined);
  return {
    name,
    appUrl: databaseUrl(server.appUrl, name),
    ownerUrl: databaseUrl(server.ownerUrl, name),
    sql: async (text, values) => (await pool.query(text, values)).rows,
    disconnect: () => pool.end(),
    drop: async () => {
      if (!pool.ended) await pool.end();
      await asAdmin(server.adminUrl, (admin) => admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    },
  };
}

async function asAdmin(url: string, work: (admin: pg.Client) => Promise<unknown>): Promise<void> {
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  await work(admin).finally(() => admin.end());
}

export interface TestApp {
  readonly app: NestFastifyApplication;
  readonly database: TestDatabase;
  readonly http: HttpClient;
  readonly port: number;
  /** Everything that was logged so far. */
  logged(): string;
  close(): Promise<void>;
}

export interface TestAppOptions {
  /** Environment besides the defaults of the tests. */
  readonly env?: Record<string, string>;
  /** A database to share with another instance. */
  readonly database?: TestDatabase;
  readonly extra?: AppParts['extra'];
}

/** The real application, on a real port and a database of its own. */
export async function startTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const database = options.database ?? (await createTestDatabase());
  const dataDir = mkdtempSync(join(tmpdir(), 'latchkey-app-'));
  const config = loadConfig(
    { NODE_ENV: 'test', DATA_DIR: dataDir, ...TEST_SECRETS, ...options.env },
    dataDir,
  );
  const lines: string[] = [];
  const sink = new PassThrough();
  sink.on('data', (chunk: Buffer) => lines.push(chunk.toString()));
  const address = new DatabaseAddress(database.appUrl, database.ownerUrl, null);
  const log = new Log(options.env?.LOG_LEVEL ?? 'info', sink, config.logDir);
  const cleanUp = async (): Promise<void> => {
    if (!options.database) await database.drop();
    rmSync(dataDir, { recursive: true, force: true });
  };
  const app = await createApp({ config, address, log, extra: options.extra }).catch(async (error) => {
    await cleanUp();
    throw error;
  });
  await app.listen(0, '127.0.0.1');
  const port = (app.getHttpServer().address() as { port: number }).port;
  return {
    app,
    database,
    port,
    http: new HttpClient(port),
    logged: () => lines.join(''),
    close: async () => {
      await app.close();
      log.flush();
      await cleanUp();
    },
  };
}

/** The same on every instance of a run, so that two of them understand each other's tokens. */
const TEST_SECRETS = {
  JWT_SECRET: randomBytes(48).toString('hex'),
  MASTER_ENCRYPTION_KEY: randomBytes(32).toString('hex'),
  AUDIT_SIGNING_KEY: randomBytes(32).toString('base64'),
};

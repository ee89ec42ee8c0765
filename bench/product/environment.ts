import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchPostgres, withClient } from '../postgres.js';

/** The role the server runs as owns nothing and is bound by row level security, as in production. */
export async function unprivilegedUrl(
  server: BenchPostgres,
  databaseUrl: string,
  role: string,
): Promise<string> {
  const password = randomBytes(16).toString('hex');
  await withClient(server.adminUrl('postgres'), async (client) => {
    for (const name of ['latchkey_app', 'latchkey_lookup', role]) {
      const { rowCount } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [name]);
      if (rowCount === 0) await client.query(`CREATE ROLE ${name}`);
    }
    await client.query(
      `ALTER ROLE ${role} LOGIN NOSUPERUSER PASSWORD '${password}'; GRANT latchkey_app TO ${role}`,
    );
  });
  const url = new URL(databaseUrl);
  url.username = role;
  url.password = password;
  return url.href;
}

/** Production with all checks on, only the amounts of the limits out of reach; new secrets and a free port each time. */
export async function productEnvironment(
  migrationUrl: string,
  databaseUrl: string,
): Promise<NodeJS.ProcessEnv> {
  return {
    PATH: process.env.PATH,
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    PORT: String(await freePort()),
    DATA_DIR: mkdtempSync(join(tmpdir(), 'latchkey-bench-data-')),
    DATABASE_URL: databaseUrl,
    DATABASE_MIGRATION_URL: migrationUrl,
    PUBLIC_BASE_URL: 'https://bench.example.com',
    REGISTRATION: 'open',
    REQUIRE_2FA: 'false',
    JWT_SECRET: randomBytes(48).toString('hex'),
    MASTER_ENCRYPTION_KEY: randomBytes(32).toString('hex'),
    AUDIT_SIGNING_KEY: randomBytes(32).toString('base64'),
    ANONYMOUS_RATE_LIMIT: '1000000/1',
    API_KEY_RATE_LIMIT: '1000000/1',
    USER_RATE_LIMIT: '1000000/1',
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

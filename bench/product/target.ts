import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recreateDatabase, withClient, type BenchPostgres } from '../postgres.js';
import { startServer } from '../server-process.js';
import { NotMeasurableYet, type Running, type Target } from '../target.js';
import { seedProduct } from './seed.js';

/** Such as `--cpu-prof --cpu-prof-dir=…`, to see where the time goes. */
const NODE_ARGS = ['--max-semi-space-size=32', ...(process.env.BENCH_NODE_ARGS?.split(' ') ?? [])];

/** Which build is measured, and how its changes are counted: a turn that made fewer than it answered does not count. */
export interface ProductVariant {
  readonly name: string;
  readonly entry: string;
  readonly database: `latchkey_bench_${string}`;
  readonly countChanges: string;
}

export const PRODUCT: ProductVariant = {
  name: 'product',
  entry: 'dist/src/main.js',
  database: 'latchkey_bench_product',
  countChanges: 'SELECT count(*) FROM audit_log',
};

/** The product as one side of the comparison: in production mode with all checks on, only the amounts of the limits out of the load's reach. */
export function productTarget(server: BenchPostgres, variant: ProductVariant = PRODUCT): Target {
  const { name, entry, database, countChanges } = variant;
  let databaseUrl = '';
  let env: NodeJS.ProcessEnv = {};
  const start = (): Promise<Running> =>
    startServer({
      args: [...NODE_ARGS, entry],
      env,
      portOf: (line) => (line.includes('"listening"') ? Number(env.PORT) : null),
    });
  return {
    name,
    async prepare(sizes) {
      if (!existsSync(entry)) throw new NotMeasurableYet(`${entry} is missing: run "npm run build" first`);
      databaseUrl = await recreateDatabase(server, database);
      env = await environment(databaseUrl, await unprivilegedUrl(server, databaseUrl, `${database}_api`));
      const running = await start();
      const seeded = await seedProduct(running.port, sizes);
      await running.stop();
      await withClient(databaseUrl, async (client) => {
        await client.query('VACUUM ANALYZE');
        await client.query('CHECKPOINT');
      });
      return seeded;
    },
    start,
    countAuditRows: () =>
      withClient(databaseUrl, async (client) => {
        const { rows } = await client.query<{ count: string }>(countChanges);
        return Number(rows[0].count);
      }),
  };
}

/** The role the server runs as owns nothing and is bound by row level security, as in production. */
async function unprivilegedUrl(server: BenchPostgres, databaseUrl: string, role: string): Promise<string> {
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

async function environment(migrationUrl: string, databaseUrl: string): Promise<NodeJS.ProcessEnv> {
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

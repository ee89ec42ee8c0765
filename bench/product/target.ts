import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { recreateDatabase, withClient, type BenchPostgres } from '../postgres.js';
import { startServer } from '../server-process.js';
import { NotMeasurableYet, type Target } from '../target.js';
import { seedProduct } from './seed.js';

const ENTRY = 'dist/src/main.js';

/** The product as one side of the comparison: all checks on, only the amounts of the limits out of the load's reach. */
export function productTarget(server: BenchPostgres): Target {
  let databaseUrl = '';
  let env: NodeJS.ProcessEnv = {};
  return {
    name: 'product',
    async prepare(sizes) {
      if (!existsSync(ENTRY)) throw new NotMeasurableYet(`${ENTRY} is missing: run "npm run build" first`);
      databaseUrl = await recreateDatabase(server, 'latchkey_bench_product');
      env = await environment(databaseUrl);
      return seedProduct({ ...sizes, migrationUrl: databaseUrl, env });
    },
    start: () =>
      startServer({
        args: [ENTRY],
        env,
        portOf: (line) => (line.includes(`:${env.PORT}`) ? Number(env.PORT) : null),
      }),
    countAuditRows: () =>
      withClient(databaseUrl, async (client) => {
        const { rows } = await client.query<{ count: string }>('SELECT count(*) FROM audit_log');
        return Number(rows[0].count);
      }),
  };
}

/** TODO with the seed: DATABASE_URL must be the role that owns nothing, as in production; a superuser skips row level security. */
async function environment(databaseUrl: string): Promise<NodeJS.ProcessEnv> {
  return {
    PATH: process.env.PATH,
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    PORT: String(await freePort()),
    DATABASE_URL: databaseUrl,
    DATABASE_MIGRATION_URL: databaseUrl,
    JWT_SECRET: randomBytes(48).toString('hex'),
    MASTER_ENCRYPTION_KEY: randomBytes(32).toString('hex'),
    AUDIT_SIGNING_KEY: randomBytes(32).toString('base64'),
    ANONYMOUS_RATE_LIMIT: '1000000000/60',
    API_KEY_RATE_LIMIT: '1000000000/60',
    USER_RATE_LIMIT: '1000000000/60',
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

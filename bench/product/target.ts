import { existsSync } from 'node:fs';
import { recreateDatabase, withClient, type BenchPostgres } from '../postgres.js';
import { startServer } from '../server-process.js';
import { NotMeasurableYet, type Running, type Target } from '../target.js';
import { productEnvironment, unprivilegedUrl } from './environment.js';
import { seedProduct } from './seed.js';

/** Such as `--cpu-prof --cpu-prof-dir=…`, to see where the time goes. */
const NODE_ARGS = ['--max-semi-space-size=32', ...(process.env.BENCH_NODE_ARGS?.split(' ') ?? [])];

/** Which build is measured, and how its changes are counted: a turn that made fewer than it answered does not count. */
export interface ProductVariant {
  readonly name: string;
  readonly entry: string;
  readonly database: `latchkey_bench_${string}`;
  readonly countChanges: string;
  /** As {@link startServer} takes it. */
  readonly core?: number | null;
}

export const PRODUCT: ProductVariant = {
  name: 'product',
  entry: 'dist/src/main.js',
  database: 'latchkey_bench_product',
  countChanges: 'SELECT count(*) FROM audit_log',
};

/** The product as one side of the comparison: in production mode with all checks on, only the amounts of the limits out of the load's reach. */
export function productTarget(server: BenchPostgres, variant: ProductVariant = PRODUCT): Target {
  const { name, entry, database, countChanges, core } = variant;
  let databaseUrl = '';
  let env: NodeJS.ProcessEnv = {};
  const start = (): Promise<Running> =>
    startServer({
      args: [...NODE_ARGS, entry],
      env,
      core,
      portOf: (line) => (line.includes('"listening"') ? Number(env.PORT) : null),
    });
  return {
    name,
    async prepare(sizes) {
      if (!existsSync(entry)) throw new NotMeasurableYet(`${entry} is missing: run "npm run build" first`);
      databaseUrl = await recreateDatabase(server, database);
      env = await productEnvironment(
        databaseUrl,
        await unprivilegedUrl(server, databaseUrl, `${database}_api`),
      );
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

import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { recreateDatabase, withClient, type BenchPostgres } from '../postgres.js';
import { startServer } from '../server-process.js';
import type { Target } from '../target.js';
import { seedFloor } from './seed.js';

/** The floor as one side of the comparison. Its keys are made for one run and forgotten with it. */
export function floorTarget(server: BenchPostgres): Target {
  const masterKey = randomBytes(32);
  let databaseUrl = '';
  return {
    name: 'floor',
    async prepare(sizes) {
      databaseUrl = await recreateDatabase(server, 'latchkey_bench_floor');
      return seedFloor({ ...sizes, databaseUrl, masterKey });
    },
    start: () =>
      startServer({
        args: [fileURLToPath(new URL('./server.js', import.meta.url))],
        env: {
          ...process.env,
          NODE_ENV: 'production',
          PORT: '0',
          DATABASE_URL: databaseUrl,
          FLOOR_MASTER_KEY: masterKey.toString('hex'),
        },
        portOf: (line) => Number(/^listening (\d+)$/.exec(line)?.[1] ?? 0) || null,
      }),
    countAuditRows: () =>
      withClient(databaseUrl, async (client) => {
        const { rows } = await client.query<{ count: string }>('SELECT count(*) FROM audit_log');
        return Number(rows[0].count);
      }),
  };
}

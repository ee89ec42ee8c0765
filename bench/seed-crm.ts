/**
 * `npm run bench:seed -- [--leads 1000000] [--teams 10]`: a database of made-up leads, the same ones in every run.
 * It stays on the server of BENCH_DATABASE_URL, or in the folder BENCH_DATA_DIR with an embedded server.
 */
import { parseArgs } from 'node:util';
import { seededDatabase } from './crm/seeded-database.js';
import { startPostgres } from './postgres.js';

const { values } = parseArgs({
  options: { leads: { type: 'string', default: '1000000' }, teams: { type: 'string', default: '10' } },
});
if (!process.env.BENCH_DATABASE_URL && !process.env.BENCH_DATA_DIR)
  throw new Error('name the place to keep the leads in: BENCH_DATA_DIR or BENCH_DATABASE_URL');
const server = await startPostgres();
try {
  const shape = { leads: Number(values.leads), teams: Number(values.teams) };
  const { adminUrl } = await seededDatabase(server, shape, (line) => console.log(line));
  console.log(`database ${new URL(adminUrl).pathname.slice(1)}, ${server.description}`);
} finally {
  await server.stop();
}
process.exit(0);

/**
 * A bench kept open, to look at a query plan or to try one thing by hand: seeds the sides as `run.ts` does, starts their
 * servers, writes what the load needs into bench/results/SIDE.json, and waits for Ctrl-C.
 * `node dist/bench/seed.js [--targets floor] [--full]`, then `node dist/bench/load.js PORT bench/results/floor.json get 3`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { floorTarget } from './floor/target.js';
import { parseOptions } from './options.js';
import { startPostgres } from './postgres.js';
import { pinThisProcess } from './process-stats.js';
import { productTarget } from './product/target.js';
import { OTHER_CORE, stopServers } from './server-process.js';
import { NotMeasurableYet } from './target.js';

const FOLDER = 'bench/results';

const options = parseOptions(process.argv.slice(2));
pinThisProcess(OTHER_CORE);
const server = await startPostgres();
try {
  mkdirSync(FOLDER, { recursive: true });
  const all = [floorTarget(server), productTarget(server)];
  for (const target of all.filter(({ name }) => options.targets.includes(name))) {
    try {
      writeFileSync(`${FOLDER}/${target.name}.json`, JSON.stringify(await target.prepare(options.sizes)));
      const running = await target.start();
      console.log(
        `${target.name}: port ${running.port}, pid ${running.pid}, ${server.adminUrl(`latchkey_bench_${target.name}`)}`,
      );
    } catch (error) {
      if (!(error instanceof NotMeasurableYet)) throw error;
      console.log(`without ${target.name}: ${error.message}`);
    }
  }
  console.log('Ctrl-C stops everything');
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
} finally {
  await stopServers();
  await server.stop();
}

/** `npm run bench`: measures the product beside the floor. README.md says what and how to read it. */
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { floorTarget } from './floor/target.js';
import { LoadProcess } from './load-process.js';
import { CONNECTIONS, parseOptions, USAGE, type Options } from './options.js';
import { startPostgres, type BenchPostgres } from './postgres.js';
import { pinThisProcess, pinTree, residentBytes } from './process-stats.js';
import { productTarget } from './product/target.js';
import { memoryLine, table } from './report.js';
import { measure, type Contender } from './rounds.js';
import { OTHER_CORE, stopServers } from './server-process.js';
import { NotMeasurableYet, type SeedSizes, type Target } from './target.js';

const REST_MS = 3000;
const log = (text: string): void => void process.stderr.write(`${text}\n`);

async function enter(target: Target, sizes: SeedSizes, contenders: Contender[]): Promise<void> {
  log(`seeding ${target.name}`);
  try {
    const { baseTeams } = await target.prepare(sizes);
    const running = await target.start();
    await sleep(REST_MS);
    const restBytes = residentBytes(running.pid);
    const load = await LoadProcess.start({ port: running.port, baseTeams, connections: CONNECTIONS });
    contenders.push({ target, running, load, restBytes });
  } catch (error) {
    if (!(error instanceof NotMeasurableYet)) throw error;
    log(`WITHOUT ${target.name}: ${error.message}`);
  }
}

async function bench(options: Options, server: BenchPostgres): Promise<void> {
  const all = [floorTarget(server), productTarget(server)];
  const contenders: Contender[] = [];
  for (const target of all.filter(({ name }) => options.targets.includes(name))) {
    await enter(target, options.sizes, contenders);
  }
  const figures = await measure(contenders, server.postmasterPid, options, log);
  const memory = Object.fromEntries(contenders.map(({ target, restBytes }) => [target.name, restBytes]));
  const machine = `${cpus().length} x ${cpus()[0].model.trim()}, Node ${process.version}, ${server.description}`;
  console.log(`${machine}\n\n${table(figures, options.works)}\n`);
  for (const [name, bytes] of Object.entries(memory)) console.log(memoryLine(name, bytes));
  if (options.jsonFile !== undefined) writeJson(options.jsonFile, { machine, options, figures, memory });
  for (const { load } of contenders) await load.stop();
}

/** A server that we did not start did not inherit our core. Another user's cannot be moved; then the figures are rougher. */
function pinPostgres({ postmasterPid }: BenchPostgres): void {
  if (postmasterPid === null) return log('PostgreSQL runs elsewhere: not pinned, its CPU time is unknown');
  try {
    pinTree(postmasterPid, OTHER_CORE);
  } catch {
    log('PostgreSQL belongs to another user: not pinned');
  }
}

/** Rejects on Ctrl-C, so that everything started is stopped on the usual way out. */
async function interrupted(): Promise<never> {
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  throw new Error('interrupted');
}

function writeJson(file: string, content: object): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify({ at: new Date().toISOString(), ...content }, null, 2)}\n`);
}

async function main(): Promise<void> {
  if (process.argv.includes('--help')) return console.log(USAGE);
  if (process.platform !== 'linux')
    throw new Error('the benchmark needs Linux: it reads /proc and pins processes with taskset');
  const options = parseOptions(process.argv.slice(2));
  // Load and PostgreSQL inherit this core; servers are moved to their own.
  if (cpus().length < 2) throw new Error('the benchmark needs two cores');
  pinThisProcess(OTHER_CORE);
  const server = await startPostgres();
  try {
    pinPostgres(server);
    await Promise.race([bench(options, server), interrupted()]);
  } finally {
    await stopServers();
    await server.stop();
  }
}

try {
  await main();
} catch (error) {
  log(`bench: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  // Not exitCode: what was interrupted still waits for its load generator, which ends with this process.
  process.exit(1);
}
process.exit(0);

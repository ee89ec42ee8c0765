/**
 * `npm run bench:audit`: what the audit log costs. The same changes by 16 writers in one team, with the audit insert and
 * with a copy of the build that leaves it out, in turns of one run. Prints the ratio of the two.
 *
 * Server, PostgreSQL and load run where the system puts them, as they do in use. With `--pinned` they are bound to cores as in `npm run bench`:
 * steadier, but then it is the ratio of the one core which PostgreSQL shares with the load.
 */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { LoadProcess } from './load-process.js';
import { CONNECTIONS, type Options, parseOptions } from './options.js';
import { startPostgres } from './postgres.js';
import { pinThisProcess, pinTree } from './process-stats.js';
import { PRODUCT, productTarget, type ProductVariant } from './product/target.js';
import { measure, type Contender } from './rounds.js';
import { OTHER_CORE, stopServers } from './server-process.js';

const BUILD = 'dist';
const COPY = 'dist-without-audit';
const UNIT = `${COPY}/src/platform/database/unit-of-work.js`;
const INSERT =
  /if \(changes\.length > 0\)\s*record\(statements, this\.recorder\.statements\(this\.actor\(\), changes\)\);/;
const REST_MS = 2000;
/** Before each later round: the server stood still while the other side had its turn. */
const WARM_SECONDS = 0.5;
const SIZES = { teams: 1, clientsPerTeam: 2000, leadsPerTeam: 0, apiKeys: 1 };
const WORKS = ['patch', 'post'] as const;
/** A round sways by a tenth; so many tell the median to about two hundredths. */
const ROUNDS = 15;

/** Without audit rows a change is seen by the versions of what it changed. */
const UNAUDITED: ProductVariant = {
  name: 'without audit',
  entry: `${COPY}/src/main.js`,
  database: 'latchkey_bench_unaudited',
  countChanges: 'SELECT sum(version) AS count FROM clients',
};

const PINNED = '--pinned';

const log = (text: string): void => void process.stderr.write(`${text}\n`);

function makeCopy(): void {
  rmSync(COPY, { recursive: true, force: true });
  cpSync(BUILD, COPY, { recursive: true });
  const text = readFileSync(UNIT, 'utf8');
  if (!INSERT.test(text)) throw new Error(`${UNIT} has changed: this script needs another patch`);
  writeFileSync(UNIT, text.replace(INSERT, ''));
}

/**
 * Round by round, in alternating order, and the median of the rounds' ratios: a machine that is slower in one minute than in the
 * next then slows both sides of a ratio.
 */
async function compare(
  work: (typeof WORKS)[number],
  contenders: Contender[],
  postmasterPid: number | null,
  options: Options,
): Promise<string> {
  const ratios: number[] = [];
  for (let round = 0; round < options.rounds; round++) {
    const warmUpSeconds = round === 0 ? options.warmUpSeconds : WARM_SECONDS;
    const order = round % 2 === 0 ? contenders : contenders.toReversed();
    const only = { ...options, works: [work], rounds: 1, warmUpSeconds };
    const figures = await measure(order, postmasterPid, only, log);
    const [audited, bare] = [PRODUCT, UNAUDITED].map(
      ({ name }) => figures[name][work]?.requestsPerSecond ?? 0,
    );
    ratios.push(audited / bare);
  }
  return `${work}: ${spreadOf(ratios)}`;
}

/** The median, and bounds that hold the true one in at least 95 of 100 runs, whatever the distribution of the rounds is. */
function spreadOf(ratios: readonly number[]): string {
  const sorted = ratios.toSorted((a, b) => a - b);
  const last = sorted.length - 1;
  const median = (sorted[last >> 1] + sorted[(last + 1) >> 1]) / 2;
  const outside = ranksOutside(sorted.length);
  const bounds =
    outside === 0 ? '' : `95 %: ${figure(sorted[outside - 1])} to ${figure(sorted[last - outside + 1])}; `;
  return `${figure(median)} of the throughput without the audit log (${bounds}rounds: ${figure(sorted[0])} to ${figure(sorted[last])})`;
}

const figure = (ratio: number): string => ratio.toFixed(2);

/** Which of the sorted rounds, from either end, still leaves 2.5 % outside at most: as many heads or fewer in so many throws of a coin. 0 for too few rounds. */
function ranksOutside(rounds: number): number {
  let [outside, ways, sum] = [0, 1, 1];
  while (sum / 2 ** rounds <= 0.025) {
    outside++;
    ways *= (rounds - outside + 1) / outside;
    sum += ways;
  }
  return outside;
}

async function main(): Promise<void> {
  const given = process.argv.slice(2);
  const isPinned = given.includes(PINNED);
  const rest = given.filter((argument) => argument !== PINNED);
  // Of an option that is given twice the last one counts.
  const options = { ...parseOptions(['--rounds', String(ROUNDS), ...rest]), sizes: SIZES, works: [...WORKS] };
  if (isPinned) pinThisProcess(OTHER_CORE);
  makeCopy();
  const server = await startPostgres();
  // For Ctrl-C as well: a server left behind would spoil the next run's figures.
  process.once(
    'SIGINT',
    () =>
      void stopServers()
        .then(() => server.stop())
        .finally(() => process.exit(1)),
  );
  try {
    console.log(server.description);
    if (isPinned && server.postmasterPid !== null) pinTree(server.postmasterPid, OTHER_CORE);
    const targets = [PRODUCT, UNAUDITED].map((variant) =>
      productTarget(server, isPinned ? variant : { ...variant, core: null }),
    );
    const started = [];
    for (const target of targets) {
      const { baseTeams } = await target.prepare(SIZES);
      started.push({ target, baseTeams, running: await target.start() });
    }
    await sleep(REST_MS);
    // Only now: a server closes connections that idle while the other side is seeded.
    const contenders = await Promise.all(
      started.map(async ({ target, baseTeams, running }): Promise<Contender> => {
        const load = await LoadProcess.start({ port: running.port, baseTeams, connections: CONNECTIONS });
        return { target, running, load, restBytes: 0 };
      }),
    );
    for (const work of WORKS) console.log(await compare(work, contenders, server.postmasterPid, options));
    for (const { load } of contenders) await load.stop();
  } finally {
    await stopServers();
    await server.stop();
    rmSync(COPY, { recursive: true, force: true });
  }
}

try {
  await main();
} catch (error) {
  log(`bench: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  process.exit(1);
}
process.exit(0);

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { salesFile } from '../harness/sales-file.js';
import { type FaultServer, openServer } from './database.js';
import { isBounded, runFlood } from './flood.js';
import { type ImportFindings, isAccountedFor, runImportTrial } from './import-trial.js';
import { LATE_AUDIT, LATE_CHECKPOINT, makeMutant, removeMutant } from './mutant.js';
import { parseOptions, type Trial } from './options.js';
import { runFullPoolTrial, runRestartTrial } from './outage-trial.js';
import { runTrial, type TrialResult } from './trial.js';

/*
 * "Nothing acknowledged is lost; a change and its audit row are one, and the log collector gets every row" and "every row of an import is accounted for".
 * The product must pass; builds that write audit rows or checkpoints in a second transaction must fail the same
 * comparison, or the test would prove nothing. Then PostgreSQL is restarted under load, the pool is held full, and
 * a flood of refused requests must make few rows and lose no count.
 */
const options = parseOptions(process.argv.slice(2));
const build = join(dirname(fileURLToPath(import.meta.url)), '../..');
const main = 'src/main.js';
const file = salesFile(join(build, '../../shared/fixtures/real/king_county_house_sales_5000.csv'));
const server = await openServer();
const log = (line: string): void => console.log(line);

function isWhole({ lost, unaudited, orphans, logValid, unforwarded }: TrialResult): boolean {
  return lost === 0 && unaudited === 0 && orphans === 0 && logValid && unforwarded === 0;
}

async function changes(): Promise<boolean> {
  log(`product: ${options.mutations} changes, ${options.kills} kills, ${options.connections} connections`);
  const product = await runTrial(server, join(build, main), options, log);
  log(JSON.stringify(product));
  if (!options.withMutant) return isWhole(product);
  log('mutant: audit rows in a second transaction; it must fail');
  const mutant = await runTrial(server, join(makeMutant(build, LATE_AUDIT), main), options, log);
  log(JSON.stringify(mutant));
  return isWhole(product) && mutant.unaudited > 0;
}

async function imports(): Promise<boolean> {
  const { rows, repeated } = file;
  const kills = options.importKills;
  log(`import: ${rows} rows, ${repeated} of them repeated; undisturbed, then with ${kills} kills`);
  const undisturbed = await importWith(server, build, 0);
  const killed = await importWith(server, build, kills);
  const passed = isAccountedFor(undisturbed, file) && isAccountedFor(killed, file);
  if (!options.withMutant) return passed;
  log('mutant: the checkpoint in a second transaction; it must fail');
  const mutant = await importWith(server, makeMutant(build, LATE_CHECKPOINT), kills);
  return passed && !isAccountedFor(mutant, file);
}

async function importWith(on: FaultServer, folder: string, kills: number): Promise<ImportFindings> {
  const database = await on.database();
  try {
    const findings = await runImportTrial(database, join(folder, main), file, kills);
    log(JSON.stringify(findings));
    return findings;
  } finally {
    await database.drop();
  }
}

/** security.md, promise 2. */
async function restarts(): Promise<boolean> {
  if (process.env.FAULTS_DATABASE_URL) return true;
  log(`restarts: ${options.restarts} of PostgreSQL, as with -m immediate, under load`);
  return runRestartTrial(server, join(build, main), options.restarts);
}

/** security.md, promise 3. */
async function pool(): Promise<boolean> {
  log('pool: every connection held for 30 s');
  return runFullPoolTrial(server, join(build, main));
}

/** Fewer than 500 rows for 100,000 denials, and no count lost. */
async function flood(): Promise<boolean> {
  log(`flood: ${options.denials} refused requests from ${options.addresses} addresses`);
  const database = await server.database();
  try {
    const findings = await runFlood(database, join(build, main), options.denials, options.addresses);
    log(JSON.stringify(findings));
    return isBounded(findings, options.denials);
  } finally {
    await database.drop();
  }
}

try {
  const passed: boolean[] = [];
  for (const [name, trial] of Object.entries({ imports, changes, restarts, pool, flood })) {
    if (options.only.has(name as Trial)) passed.push(await trial());
  }
  const all = passed.every(Boolean);
  log(all ? 'PASSED' : 'FAILED');
  process.exitCode = all ? 0 : 1;
} finally {
  removeMutant(build);
  await server.stop();
}

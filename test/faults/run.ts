import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openServer } from './database.js';
import { makeMutant, removeMutant } from './mutant.js';
import { parseOptions } from './options.js';
import { runTrial, type TrialResult } from './trial.js';

/*
 * "Nothing acknowledged is lost; a change and its audit row are one." The product must pass; a build that writes its
 * audit rows in a second transaction must fail the same comparison, or the test would prove nothing.
 */
const options = parseOptions(process.argv.slice(2));
const build = join(dirname(fileURLToPath(import.meta.url)), '../..');
const server = await openServer();
const log = (line: string): void => console.log(line);

function isWhole({ lost, unaudited, orphans, logValid }: TrialResult): boolean {
  return lost === 0 && unaudited === 0 && orphans === 0 && logValid;
}

try {
  log(`product: ${options.mutations} changes, ${options.kills} kills, ${options.connections} connections`);
  const product = await runTrial(server, join(build, 'src/main.js'), options, log);
  log(JSON.stringify(product));
  let passed = isWhole(product);
  if (options.withMutant) {
    log('mutant: audit rows in a second transaction; it must fail');
    const mutant = await runTrial(server, join(makeMutant(build), 'src/main.js'), options, log);
    log(JSON.stringify(mutant));
    if (mutant.unaudited === 0) passed = false;
  }
  log(passed ? 'PASSED' : 'FAILED');
  process.exitCode = passed ? 0 : 1;
} finally {
  removeMutant(build);
  await server.stop();
}

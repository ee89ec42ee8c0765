import { parseArgs } from 'node:util';
import { WORKS, type Work } from './load/work.js';
import type { SeedSizes } from './target.js';

export const CONNECTIONS = 16;

export interface Options {
  sizes: SeedSizes;
  works: Work[];
  targets: string[];
  rounds: number;
  seconds: number;
  warmUpSeconds: number;
  jsonFile: string | undefined;
}

const QUICK: SeedSizes = { teams: 2, clientsPerTeam: 5_000, leadsPerTeam: 0, apiKeys: 100 };
const FULL: SeedSizes = { teams: 10, clientsPerTeam: 20_000, leadsPerTeam: 100_000, apiKeys: 1_000 };

export const USAGE = `npm run bench -- [options]
  --only get,list,patch,post   work items to measure (default: all)
  --targets floor,product      sides to measure (default: both)
  --rounds 5 --seconds 3       how often and how long each side does each work item
  --warm-up 6                  seconds before the first round, not counted: the compiler of Node needs thousands of calls
  --full                       10 teams x 20,000 clients, 1,000 keys (default: 2 x 5,000, 100 keys)
  --json FILE                  the figures as JSON as well`;

/** @throws with a readable message on an unknown option or value */
export function parseOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string', default: WORKS.join(',') },
      targets: { type: 'string', default: 'floor,product' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '3' },
      'warm-up': { type: 'string', default: '6' },
      full: { type: 'boolean', default: false },
      json: { type: 'string' },
    },
  });
  return {
    sizes: values.full ? FULL : QUICK,
    works: oneOf('--only', values.only, WORKS),
    targets: oneOf('--targets', values.targets, ['floor', 'product']),
    rounds: Math.trunc(positive('--rounds', values.rounds)),
    seconds: positive('--seconds', values.seconds),
    warmUpSeconds: positive('--warm-up', values['warm-up']),
    jsonFile: values.json,
  };
}

function oneOf<T extends string>(option: string, value: string, allowed: readonly T[]): T[] {
  return value.split(',').map((item) => {
    const found = allowed.find((candidate) => candidate === item.trim());
    if (!found) throw new Error(`${option}: "${item}" is not one of ${allowed.join(', ')}`);
    return found;
  });
}

function positive(option: string, value: string): number {
  const number = Number(value);
  if (!(number > 0 && number <= 1000)) throw new Error(`${option}: "${value}" is not between 0 and 1000`);
  return number;
}

import { parseArgs } from 'node:util';

export interface Options {
  /** Acknowledged changes to reach. */
  readonly mutations: number;
  readonly kills: number;
  readonly connections: number;
  /** Kills while one file is imported. */
  readonly importKills: number;
  /** Also run a build that writes its audit rows in a second transaction, which must fail. */
  readonly withMutant: boolean;
}

export const USAGE = `npm run test:faults -- [--mutations 10000] [--kills 50] [--connections 8] [--import-kills 4] [--no-mutant]
  The server is an embedded one, or the one whose superuser URL is in FAULTS_DATABASE_URL.`;

export function parseOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    allowNegative: true,
    options: {
      mutations: { type: 'string', default: '10000' },
      kills: { type: 'string', default: '50' },
      connections: { type: 'string', default: '8' },
      'import-kills': { type: 'string', default: '4' },
      mutant: { type: 'boolean', default: true },
    },
  });
  return {
    mutations: whole('--mutations', values.mutations),
    kills: whole('--kills', values.kills),
    connections: whole('--connections', values.connections),
    importKills: whole('--import-kills', values['import-kills']),
    withMutant: values.mutant,
  };
}

function whole(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 10_000_000)
    throw new Error(`${option}: "${text}" is not a whole number above zero\n${USAGE}`);
  return value;
}

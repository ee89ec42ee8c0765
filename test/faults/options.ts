import { parseArgs } from 'node:util';

const TRIALS = ['imports', 'changes', 'restarts', 'pool', 'flood'] as const;
export type Trial = (typeof TRIALS)[number];

export interface Options {
  /** What is run. */
  readonly only: ReadonlySet<Trial>;
  /** Acknowledged changes to reach. */
  readonly mutations: number;
  readonly kills: number;
  readonly connections: number;
  /** Kills while one file is imported. */
  readonly importKills: number;
  /** Immediate restarts of PostgreSQL under load. */
  readonly restarts: number;
  /** Refused requests of the flood, and the addresses that they come from. */
  readonly denials: number;
  readonly addresses: number;
  /** Also run a build that writes its audit rows in a second transaction, which must fail. */
  readonly withMutant: boolean;
}

export const USAGE = `npm run test:faults -- [--mutations 10000] [--kills 50] [--connections 8] [--import-kills 4] [--restarts 10]
    [--denials 100000] [--addresses 10000] [--only imports,changes,restarts,pool,flood] [--no-mutant]
  The server is an embedded one, or the one whose superuser URL is in FAULTS_DATABASE_URL, which is never restarted.`;

export function parseOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    allowNegative: true,
    options: {
      mutations: { type: 'string', default: '10000' },
      kills: { type: 'string', default: '50' },
      connections: { type: 'string', default: '8' },
      'import-kills': { type: 'string', default: '4' },
      restarts: { type: 'string', default: '10' },
      denials: { type: 'string', default: '100000' },
      addresses: { type: 'string', default: '10000' },
      only: { type: 'string', default: TRIALS.join(',') },
      mutant: { type: 'boolean', default: true },
    },
  });
  return {
    mutations: whole('--mutations', values.mutations),
    kills: whole('--kills', values.kills),
    connections: whole('--connections', values.connections),
    importKills: whole('--import-kills', values['import-kills']),
    restarts: whole('--restarts', values.restarts),
    denials: whole('--denials', values.denials),
    addresses: whole('--addresses', values.addresses),
    only: trials(values.only),
    withMutant: values.mutant,
  };
}

function trials(text: string): Set<Trial> {
  const names = text.split(',');
  const unknown = names.filter((name) => !TRIALS.includes(name as Trial));
  if (unknown.length > 0) throw new Error(`--only: no trial is called "${unknown[0]}"\n${USAGE}`);
  return new Set(names as Trial[]);
}

function whole(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 10_000_000)
    throw new Error(`${option}: "${text}" is not a whole number above zero\n${USAGE}`);
  return value;
}

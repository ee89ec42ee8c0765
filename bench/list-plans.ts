/**
 * `npm run bench:lists -- [--leads 1000000] [--teams 10] [--rounds 300]`: reads the plans of the lists of leads, and times
 * them against the same query written by hand and against a table of a tenth of the rows. Ends with 1 when a plan reads more than
 * twice what it returns, takes more than twice the time, or grows with the table.
 */
import { parseArgs } from 'node:util';
import { openProduct } from './crm/in-process.js';
import { LIST_CASES, type ListCase } from './crm/list-cases.js';
import { ListSession, type PreparedCase } from './crm/list-session.js';
import { medianTimesMs } from './crm/interleaved-times.js';
import { faultsOf, PLAN_MODES } from './crm/plan.js';
import { seededDatabase, type SeededTeam, teamsOf } from './crm/seeded-database.js';
import { type BenchPostgres, startPostgres } from './postgres.js';

const MAX_OF_BY_HAND = 2;
const MAX_GROWTH = 1.3;
/** Teams whose pages take turns, so that more than one team's are warm. */
const TEAMS = 3;

const { values } = parseArgs({
  options: {
    leads: { type: 'string', default: '1000000' },
    teams: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '300' },
  },
});
const log = (line: string): void => console.error(line);

interface Side {
  readonly session: ListSession;
  readonly cases: ReadonlyMap<ListCase, readonly PreparedCase[]>;
  close(): Promise<void>;
}

async function openSide(server: BenchPostgres, leads: number): Promise<Side> {
  const database = await seededDatabase(server, { leads, teams: Number(values.teams) }, log);
  const { shape, adminUrl, env } = database;
  const product = await openProduct(env);
  const session = await ListSession.open({ ...product, shape, adminUrl, appUrl: String(env.DATABASE_URL) });
  const cases = new Map<ListCase, PreparedCase[]>();
  const teams: SeededTeam[] = (await teamsOf(product.port, shape.teams)).slice(0, TEAMS);
  for (const [place, team] of teams.entries()) {
    const facts = await session.factsOf(team.teamId, place);
    for (const wanted of LIST_CASES)
      cases.set(wanted, [...(cases.get(wanted) ?? []), await session.prepare(team, facts, wanted)]);
  }
  const close = async (): Promise<void> => {
    await session.close();
    await product.close();
  };
  return { session, cases, close };
}

async function planFaults(
  { session }: Side,
  prepared: PreparedCase,
): Promise<{ read: number; faults: string[] }> {
  const faults: string[] = [];
  let read = 0;
  for (const mode of PLAN_MODES) {
    const plan = await session.readPlan(prepared.product, mode);
    faults.push(...faultsOf(plan).map((fault) => `${mode} plan: ${fault}`));
    const most = Math.max(...Object.values(plan.tables).map(({ rows }) => rows));
    read = Math.max(read, most / Math.max(1, plan.returned));
  }
  return { read, faults };
}

/** One after the other in turns of their own. */
function inTurn(prepared: readonly PreparedCase[], run: (one: PreparedCase) => Promise<unknown>) {
  let turn = 0;
  return () => run(prepared[turn++ % prepared.length]);
}

async function measure(large: Side, small: Side): Promise<boolean> {
  let isGood = true;
  console.log('case                             read/row  product ms  of by hand  of a tenth');
  for (const wanted of LIST_CASES) {
    const [many, few] = [large, small].map(({ cases }) => cases.get(wanted) ?? []);
    const { read, faults } = await planFaults(large, many[0]);
    const [product, byHand, tenth] = await medianTimesMs(
      [
        inTurn(many, (one) => large.session.runProduct(one)),
        inTurn(many, (one) => large.session.runByHand(one)),
        inTurn(few, (one) => small.session.runProduct(one)),
      ],
      Number(values.rounds),
    );
    if (product > MAX_OF_BY_HAND * byHand) faults.push('slower than by hand');
    if (product > MAX_GROWTH * tenth) faults.push('grows with the table');
    isGood &&= faults.length === 0;
    const figures = [
      read.toFixed(2),
      product.toFixed(2),
      (product / byHand).toFixed(2),
      (product / tenth).toFixed(2),
    ];
    const cells = figures.map((figure) => figure.padStart(10)).join('  ');
    console.log(`${wanted.name.padEnd(32)}${cells}  ${faults.join('; ')}`);
  }
  return isGood;
}

const server = await startPostgres();
let isGood = false;
try {
  console.log(server.description);
  const leads = Number(values.leads);
  const small = await openSide(server, Math.round(leads / 10));
  const large = await openSide(server, leads);
  isGood = await measure(large, small);
  await large.close();
  await small.close();
} finally {
  await server.stop();
}
process.exit(isGood ? 0 : 1);

import pg from 'pg';
import pgUtils from 'pg/lib/utils.js';
import type { Statement } from '../../src/platform/database/statement.js';

/** How PostgreSQL may plan a named statement: in production it tries `custom` five times and then decides for one of the two. */
export const PLAN_MODES = ['generic', 'custom'] as const;
export type PlanMode = (typeof PLAN_MODES)[number];

/** What a statement did on its way to its rows. */
export interface PlanReading {
  readonly returned: number;
  /** Pages that were looked at, of tables and indexes. */
  readonly pages: number;
  /** By table: how it was read, and how many rows it gave, those that a condition threw away among them. */
  readonly tables: Readonly<Record<string, { readonly nodes: readonly string[]; readonly rows: number }>>;
}

interface PlanNode {
  'Relation Name'?: string;
  'Node Type': string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Shared Hit Blocks': number;
  'Shared Read Blocks': number;
  'Rows Removed by Filter'?: number;
  'Rows Removed by Index Recheck'?: number;
  Plans?: PlanNode[];
}

/** Runs the statement with EXPLAIN ANALYZE as a prepared one, on a connection of the application's role. */
export async function readPlan(
  client: pg.Client,
  statement: Statement,
  mode: PlanMode,
): Promise<PlanReading> {
  await client.query(`SET plan_cache_mode = force_${mode}_plan`);
  await client.query('DEALLOCATE ALL');
  await client.query(`PREPARE wanted AS ${statement.text}`);
  const literals = statement.values
    .map((value) => pg.escapeLiteral(String(pgUtils.prepareValue(value))))
    .join(', ');
  const { rows } = await client.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE wanted(${literals})`);
  const root: PlanNode = rows[0]['QUERY PLAN'][0].Plan;
  const tables: Record<string, { nodes: string[]; rows: number }> = {};
  const walk = (node: PlanNode): void => {
    const table = node['Relation Name'];
    if (table) {
      const thrownAway = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0);
      const read = (tables[table] ??= { nodes: [], rows: 0 });
      read.nodes.push(node['Node Type']);
      read.rows += Math.round((node['Actual Rows'] + thrownAway) * node['Actual Loops']);
    }
    node.Plans?.forEach(walk);
  };
  walk(root);
  return {
    returned: root['Actual Rows'] * root['Actual Loops'],
    pages: root['Shared Hit Blocks'] + root['Shared Read Blocks'],
    tables,
  };
}

/** Pages for one returned row: an index of four levels and a page of the table, for each of three tables. */
const PAGES_PER_ROW = 15;

/**
 * What is wrong with a plan, in words; empty when every table is read along an index and gives at most `times` the
 * rows that the statement returns. The pages tell of index entries that were passed over, which no other figure does.
 */
export function faultsOf({ returned, pages, tables }: PlanReading, times = 2): string[] {
  const faults: string[] = [];
  const allowed = times * Math.max(1, returned);
  for (const [table, { nodes, rows }] of Object.entries(tables)) {
    for (const node of nodes) if (!node.startsWith('Index')) faults.push(`${node} on ${table}`);
    if (rows > allowed) faults.push(`${rows} rows of ${table} for ${returned}`);
  }
  const allowedPages = PAGES_PER_ROW * (returned + 2);
  if (pages > allowedPages) faults.push(`${pages} pages for ${returned} rows`);
  return faults;
}

import type pg from 'pg';
import { readPlan } from '../../bench/crm/plan.js';
import type { Statement } from '../../src/platform/database/statement.js';

/** For each partition the way down its index, though it holds nothing that is asked for. */
const PAGES_PER_PARTITION = 4;
const PAGES_PER_ROW = 15;

/** What a filtered list reads besides what it returns, in words; empty when it goes along an index. A list that finds nothing proves nothing. */
export async function faultsOfFilter(client: pg.Client, read: Statement, table: string): Promise<string[]> {
  const { returned, pages, tables } = await readPlan(client, read, 'custom');
  const parts = Object.entries(tables).filter(([name]) => name.startsWith(table));
  const rows = parts.reduce((sum, [, part]) => sum + part.rows, 0);
  const mostPages = PAGES_PER_ROW * (returned + 2) + PAGES_PER_PARTITION * parts.length;
  const faults: string[] = [];
  if (returned === 0) faults.push('nothing found');
  if (rows > 2 * returned) faults.push(`${rows} rows read for ${returned}`);
  if (pages > mostPages) faults.push(`${pages} pages read for ${returned} rows`);
  return faults;
}

/**
 * `npm run bench:import -- [--rows 50000] [--rounds 3]`: imports a file of made-up clients into a new team, on the server
 * that answers requests as well. Prints the rows a second of each round, from the upload to the last row with its audit
 * row. Ends with 1 when the best round is below 2,000.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { madeUpClient } from './people.js';
import { type BenchPostgres, startPostgres, withClient } from './postgres.js';
import { pinTree } from './process-stats.js';
import { Api } from './product/api.js';
import { PRODUCT, productTarget } from './product/target.js';
import { OTHER_CORE, stopServers } from './server-process.js';

const PROMISED = 2000;
const POLL_MS = 50;
const COLUMNS = ['firstName', 'lastName', 'email', 'phone', 'type', 'address', 'notes'] as const;

const { values } = parseArgs({
  options: { rows: { type: 'string', default: '50000' }, rounds: { type: 'string', default: '3' } },
});

interface Import {
  id: string;
  status: string;
  imported: number;
  failed: number;
}

/** @param first number of the first person: nobody occurs in two files */
function file(first: number, rows: number): Blob {
  const lines = [COLUMNS.join(',')];
  for (let n = first; n < first + rows; n++) {
    const person = madeUpClient(n);
    lines.push(COLUMNS.map((column) => `"${person[column]}"`).join(','));
  }
  return new Blob([`${lines.join('\n')}\n`], { type: 'text/csv' });
}

async function upload(port: number, apiKey: string, body: Blob): Promise<Import> {
  const form = new FormData();
  form.set('file', body, 'clients.csv');
  const answer = await fetch(`http://127.0.0.1:${port}/v1/clients/import`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}` },
    body: form,
  });
  if (answer.status !== 202) throw new Error(`the upload answered ${answer.status}: ${await answer.text()}`);
  return ((await answer.json()) as { data: Import }).data;
}

/** @returns rows a second */
async function measure(port: number, apiKey: string, body: Blob, rows: number): Promise<number> {
  const api = new Api(port);
  const startedMs = performance.now();
  let { id, status, imported, failed } = await upload(port, apiKey, body);
  while (['queued', 'running'].includes(status)) {
    await sleep(POLL_MS);
    ({ status, imported, failed } = (await api.get<Import>(`/v1/imports/${id}`, apiKey)).data);
  }
  const seconds = (performance.now() - startedMs) / 1000;
  if (status !== 'completed' || imported !== rows)
    throw new Error(`the import ended as ${status}: ${imported} of ${rows} imported, ${failed} failed`);
  return rows / seconds;
}

/** Every record has exactly one audit row, or the figure is worth nothing. */
async function expectAudited(server: BenchPostgres, records: number): Promise<void> {
  await withClient(server.adminUrl(PRODUCT.database), async (client) => {
    const { rows } = await client.query<{ written: number; audited: number }>(
      `SELECT count(*)::int AS written, count(DISTINCT resource_id)::int AS audited FROM audit_log WHERE resource_type = 'client'`,
    );
    const [{ written, audited }] = rows;
    if (written !== records || audited !== records)
      throw new Error(`${records} records, ${audited} of them audited, with ${written} rows`);
  });
}

const [rows, rounds] = [Number(values.rows), Number(values.rounds)];
const server = await startPostgres();
const speeds: number[] = [];
try {
  if (server.postmasterPid !== null) pinTree(server.postmasterPid, OTHER_CORE);
  const target = productTarget(server);
  const { baseTeams } = await target.prepare({ teams: 1, clientsPerTeam: 0, leadsPerTeam: 0, apiKeys: 1 });
  const { port } = await target.start();
  for (let round = 0; round < rounds; round++) {
    const speed = await measure(port, baseTeams[0].apiKey, file(round * rows, rows), rows);
    console.log(`round ${round + 1}: ${rows} clients, ${Math.round(speed)} a second`);
    speeds.push(speed);
  }
  await expectAudited(server, rounds * rows);
} finally {
  await stopServers();
  await server.stop();
}
process.exit(Math.max(...speeds) >= PROMISED ? 0 : 1);

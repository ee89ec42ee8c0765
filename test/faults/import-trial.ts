import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SalesFile } from '../harness/sales-file.js';
import { ApiProcess } from './api-process.js';
import type { FaultDatabase } from './database.js';
import { environment, freePort, makeTeam } from './trial.js';

const SCOPES = ['listings:read', 'listings:write'];
const LIMIT_MS = 120_000;
const LONGEST_BATCH_MS = 300;

/** What a file became. Every figure but the kills is the same however often the process died. */
export interface ImportFindings {
  readonly kills: number;
  readonly status: string;
  readonly processed: number;
  readonly imported: number;
  /** Lines of the errors file. */
  readonly reported: number;
  /** Rows in the table, and different numbers among them. */
  readonly records: number;
  readonly numbers: number;
  /** Rows of the audit log about them, and records that have exactly one. */
  readonly auditRows: number;
  readonly auditedOnce: number;
}

export type ImportDatabase = Pick<FaultDatabase, 'appUrl' | 'ownerUrl' | 'sql'>;

/** Whether every row of the file is accounted for, none is there twice, and each has its one audit row. */
export function isAccountedFor(findings: ImportFindings, { rows, repeated }: SalesFile): boolean {
  const { status, processed, imported, reported, records, numbers, auditRows, auditedOnce } = findings;
  const expected = rows - repeated;
  const all = [imported, records, numbers, auditRows, auditedOnce];
  return (
    status === 'completed' &&
    processed === rows &&
    reported === repeated &&
    all.every((count) => count === expected)
  );
}

/** Imports the file as listings while the API is killed at equal shares of it, and counts what is there afterwards. */
export async function runImportTrial(
  database: ImportDatabase,
  entry: string,
  file: SalesFile,
  kills: number,
): Promise<ImportFindings> {
  const dataDir = mkdtempSync(join(tmpdir(), 'latchkey-faults-api-'));
  const port = await freePort();
  const api = new ApiProcess(entry, environment(database, dataDir, port), port);
  try {
    await api.start();
    const { auth } = await makeTeam(port, SCOPES);
    const id = await upload(port, auth, file.text);
    const read = (path = ''): Promise<string> => readImport(port, auth, `${id}${path}`);
    for (let killed = 0; killed < kills; killed++) {
      await reached(read, ((killed + 0.5) * file.rows) / (kills + 1));
      // Somewhere within a batch, not always behind its commit.
      await sleep(Math.random() * LONGEST_BATCH_MS);
      await api.kill();
      await missed(database);
      await api.start();
    }
    const { status, processed, imported } = await reached(read, null);
    const reported = (await read('/errors')).trimEnd().split('\r\n').length - 1;
    const counts = { kills, status, processed, imported, reported, ...(await counted(database)) };
    await api.stop();
    return counts;
  } finally {
    await api.kill();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

interface State {
  readonly status: string;
  readonly processed: number;
  readonly imported: number;
  readonly finishedAt: string | null;
}

/** Waits until so many rows are done, or the import has ended. */
async function reached(read: () => Promise<string>, rows: number | null): Promise<State> {
  for (const deadline = Date.now() + LIMIT_MS; Date.now() < deadline; await sleep(2)) {
    const { data } = JSON.parse(await read()) as { data: State };
    if (data.finishedAt !== null) {
      if (rows !== null) throw new Error('the import ended before it was to be killed');
      return data;
    }
    if (rows !== null && data.processed >= rows) return data;
  }
  throw new Error('the import did not get on');
}

/** A dead worker's job is missed when its time limit is over; the minute is taken off here, not waited for. */
async function missed(database: ImportDatabase): Promise<void> {
  await database.sql(
    `UPDATE pgboss.job SET started_on = started_on - expire_in WHERE name = 'import-records' AND state = 'active'`,
  );
}

async function counted(
  database: ImportDatabase,
): Promise<Pick<ImportFindings, 'records' | 'numbers' | 'auditRows' | 'auditedOnce'>> {
  const [counts] = await database.sql<ImportFindings>(
    `SELECT (SELECT count(*)::int FROM listings) AS records,
       (SELECT count(DISTINCT mls_number)::int FROM listings) AS numbers,
       (SELECT count(*)::int FROM audit_log WHERE resource_type = 'listing') AS "auditRows",
       (SELECT count(*)::int FROM (SELECT FROM listings l JOIN audit_log a ON a.resource_id = l.id
         AND a.action = 'CREATE' GROUP BY l.id HAVING count(*) = 1) once) AS "auditedOnce"`,
  );
  return counts;
}

async function readImport(port: number, auth: Record<string, string>, path: string): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}/v1/imports/${path}`, { headers: auth });
  if (!answer.ok) throw new Error(`the import answered ${answer.status}`);
  return answer.text();
}

async function upload(port: number, auth: Record<string, string>, text: string): Promise<string> {
  const form = new FormData();
  form.append('file', new Blob([text], { type: 'text/csv' }), 'sales.csv');
  const url = `http://127.0.0.1:${port}/v1/listings/import`;
  const answer = await fetch(url, { method: 'POST', headers: auth, body: form });
  if (answer.status !== 202) throw new Error(`the upload answered ${answer.status}: ${await answer.text()}`);
  return ((await answer.json()) as { data: { id: string } }).data.id;
}

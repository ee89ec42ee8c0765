import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiProcess } from './api-process.js';
import type { FaultDatabase } from './database.js';
import { environment, freePort } from './trial.js';

/** Requests under way at once. */
const CONNECTIONS = 64;
/** More would not be a flood but an idle afternoon. */
const LIMIT_MS = 10 * 60_000;
/** What this many denials may leave in the database, whoever sends them. */
const MOST_ROWS = 500;

export interface FloodFindings {
  readonly denied: number;
  /** What the rows say was denied. */
  readonly counted: number;
  /** Rows of all types of security events. */
  readonly rows: number;
  readonly seconds: number;
}

export function isBounded({ denied, counted, rows }: FloodFindings, denials: number): boolean {
  return denied === denials && counted === denials && rows < MOST_ROWS;
}

/** Sends requests with a false token from many addresses, through a trusted proxy, and looks at what was recorded. */
export async function runFlood(
  database: FaultDatabase,
  entry: string,
  denials: number,
  addresses: number,
): Promise<FloodFindings> {
  const dataDir = mkdtempSync(join(tmpdir(), 'latchkey-faults-flood-'));
  const port = await freePort();
  const env = { ...environment(database, dataDir, port), TRUSTED_PROXIES: '127.0.0.1/32' };
  const api = new ApiProcess(entry, env, port);
  const started = Date.now();
  try {
    await api.start();
    const denied = await flood(port, denials, addresses);
    const seconds = Math.round((Date.now() - started) / 1000);
    // An orderly stop writes what still waits in memory.
    await api.stop();
    const [found] = await database.sql<{ rows: number; counted: number }>(
      `SELECT count(*)::int AS rows, coalesce(sum(count) FILTER (WHERE type = 'credential_rejected'), 0)::int AS counted
       FROM (SELECT type, count FROM platform_security_events UNION ALL SELECT type, count FROM security_events) e`,
    );
    return { denied, ...found, seconds };
  } finally {
    await api.kill();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** @returns how many were answered 401 */
async function flood(port: number, denials: number, addresses: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const deadline = Date.now() + LIMIT_MS;
  let next = 0;
  let denied = 0;
  const send = async (): Promise<void> => {
    while (next < denials && Date.now() < deadline) {
      const status = await deny(agent, port, addressOf(next++ % addresses));
      if (status === 401) denied++;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, send));
  agent.destroy();
  return denied;
}

/** Addresses of many networks: 10.x.y.z. */
function addressOf(n: number): string {
  return `10.${n % 200}.${Math.floor(n / 200) % 250}.${1 + Math.floor(n / 50_000)}`;
}

function deny(agent: Agent, port: number, address: string): Promise<number> {
  const headers = { authorization: 'Bearer a.b.c', 'x-forwarded-for': address };
  return new Promise((resolve, reject) => {
    httpRequest({ host: '127.0.0.1', port, path: '/v1/clients', headers, agent }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
      response.on('error', reject);
    })
      .on('error', reject)
      .end();
  });
}

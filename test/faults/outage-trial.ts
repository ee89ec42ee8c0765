import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { ApiProcess } from './api-process.js';
import type { FaultDatabase, FaultServer } from './database.js';
import { compare } from './journal.js';
import { environment, freePort, makeTeam } from './trial.js';
import { Writer } from './writer.js';

const SCOPES = ['clients:read', 'clients:write', 'clients:delete', 'leads:read'];
const WRITERS = 8;

/** security.md, promise 2. */
const SERVING_AGAIN_MS = 5000;
/** security.md, promise 3. */
const HOLD_MS = 30_000;
const REFUSED_MS = 2500;
const HEALTH_MS = 50;
const RECOVERED_MS = 1000;

const POOL_MAX = 4;
/** More than the pool has, so that whenever one connection is given back another holder takes it. */
const HOLDERS = 3 * POOL_MAX;

interface Probe {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly tookMs: number;
}

/** Runs one against an API process with a team of its own. */
async function withApi<T>(
  server: FaultServer,
  entry: string,
  env: NodeJS.ProcessEnv,
  work: (api: ApiProcess, database: FaultDatabase, apiKey: string) => Promise<T>,
): Promise<T> {
  const database = await server.database();
  const dataDir = mkdtempSync(join(tmpdir(), 'latchkey-outage-'));
  const port = await freePort();
  const api = new ApiProcess(entry, { ...environment(database, dataDir, port), ...env }, port);
  try {
    await api.start();
    // The demo team is made after that, and its start is not what is tried here.
    while (!api.lastOutput.includes('Ctrl-C stops')) await sleep(25);
    const team = await makeTeam(port, SCOPES);
    return await work(api, database, team.apiKey);
  } finally {
    await api.kill();
    await database.drop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/**
 * PostgreSQL is restarted again and again as `pg_ctl -m immediate` does it, while writers change clients: the same process
 * serves again, says 503 and nothing else meanwhile, and what it acknowledged is there.
 */
export function runRestartTrial(server: FaultServer, entry: string, restarts: number): Promise<boolean> {
  return withApi(server, entry, {}, async (api, database, apiKey) => {
    const pid = api.pid;
    const writers = Array.from({ length: WRITERS }, () => new Writer(api.port, apiKey));
    let ended = false;
    const work = Promise.all(
      writers.map((writer) =>
        writer.run(
          () => !ended,
          () => undefined,
        ),
      ),
    );
    const outages: number[] = [];
    for (let n = 0; n < restarts; n++) {
      await Promise.race([sleep(500), work]);
      const startedMs = performance.now();
      await server.restart();
      await served(api, () => probe(api.port, '/v1/clients', apiKey));
      outages.push(Math.round(performance.now() - startedMs));
    }
    ended = true;
    await work;
    const journal = writers.flatMap((writer) => writer.journal);
    const broken = writers.reduce((sum, writer) => sum + writer.broken, 0);
    const unavailable = writers.reduce((sum, writer) => sum + writer.unavailable, 0);
    const slowestMs = Math.max(...outages);
    const findings = await compare(database, journal);
    const samePid = api.pid === pid && api.isAlive;
    console.log(
      JSON.stringify({
        restarts,
        slowestMs,
        samePid,
        acknowledged: journal.length,
        unavailable,
        broken,
        ...findings,
      }),
    );
    const { lost, unaudited, orphans } = findings;
    return samePid && broken === 0 && slowestMs <= SERVING_AGAIN_MS && lost + unaudited + orphans === 0;
  });
}

/** Every connection of the pool waits for a lock; who needs one is refused in time, and who needs none notices nothing. */
export function runFullPoolTrial(server: FaultServer, entry: string): Promise<boolean> {
  const env = { DATABASE_POOL_MAX: String(POOL_MAX), ROLE: 'api' };
  return withApi(server, entry, env, async (api, database, apiKey) => {
    const list = (): Promise<Probe> => probe(api.port, '/v1/leads', apiKey);
    if ((await list()).status !== 200) throw new Error('the list of leads does not work');
    const lock = new pg.Client({ connectionString: database.ownerUrl });
    await lock.connect();
    await lock.query('BEGIN; LOCK TABLE clients IN ACCESS EXCLUSIVE MODE');
    const until = performance.now() + HOLD_MS;
    const more = (): boolean => performance.now() < until;
    const holding = Array.from({ length: HOLDERS }, async () => {
      while (more()) await probe(api.port, '/v1/clients', apiKey);
    });
    await sleep(200);
    const [refused, health] = await Promise.all([
      repeat(more, list, 250),
      repeat(more, () => probe(api.port, '/healthz', apiKey), 100),
    ]);
    await lock.end();
    const freedMs = performance.now();
    await served(api, list);
    const recoveredMs = Math.round(performance.now() - freedMs);
    await Promise.all(holding);
    const slowestMs = slowest(refused);
    const healthMs = slowest(health);
    const odd = refused.filter(({ status, retryAfter }) => status !== 200 && !(status === 503 && retryAfter));
    const answered = refused.filter(({ status }) => status === 200).length;
    const sick = health.filter(({ status }) => status !== 200).length;
    const found = {
      probes: refused.length,
      served: answered,
      odd: odd.length,
      slowestMs,
      healthMs,
      sick,
      recoveredMs,
    };
    console.log(JSON.stringify({ heldSeconds: HOLD_MS / 1000, ...found }));
    const bounded = slowestMs <= REFUSED_MS && healthMs <= HEALTH_MS && recoveredMs <= RECOVERED_MS;
    return bounded && odd.length === 0 && sick === 0 && answered < refused.length / 10;
  });
}

/** Asks until the answer is 200; gives up with the process, or after a minute. */
async function served(api: ApiProcess, ask: () => Promise<Probe>): Promise<void> {
  for (const untilMs = performance.now() + 60_000; performance.now() < untilMs && api.isAlive;) {
    if ((await ask()).status === 200) return;
    await sleep(10);
  }
  throw new Error(`the API does not serve any more:\n${api.lastOutput}`);
}

async function repeat(more: () => boolean, ask: () => Promise<Probe>, pauseMs: number): Promise<Probe[]> {
  const answers: Promise<Probe>[] = [];
  while (more()) {
    answers.push(ask());
    await sleep(pauseMs);
  }
  return Promise.all(answers);
}

function slowest(probes: readonly Probe[]): number {
  return Math.round(Math.max(...probes.map(({ tookMs }) => tookMs)));
}

/** One GET; a connection that breaks has the status 0. */
function probe(port: number, path: string, apiKey: string): Promise<Probe> {
  const startedMs = performance.now();
  return new Promise((resolve) => {
    const done = (status: number, retryAfter?: string): void =>
      resolve({ status, retryAfter, tookMs: performance.now() - startedMs });
    httpRequest(
      { host: '127.0.0.1', port, path, headers: { 'x-api-key': apiKey }, agent: false },
      (answer) => {
        answer.resume().on('end', () => done(answer.statusCode ?? 0, answer.headers['retry-after']));
      },
    )
      .on('error', () => done(0))
      .end();
  });
}

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiProcess } from './api-process.js';
import { Collector, type Forwarded } from './collector.js';
import type { FaultDatabase, FaultServer } from './database.js';
import { type Acknowledged, compare, type Findings } from './journal.js';
import type { Options } from './options.js';
import { Writer } from './writer.js';

export interface TrialResult extends Findings, Forwarded {
  readonly acknowledged: number;
  readonly kills: number;
  readonly seconds: number;
  /** What `/v1/audit-log/verify` says after the last start. */
  readonly logValid: boolean;
}

const SCOPES = ['clients:read', 'clients:write', 'clients:delete', 'audit:read'];

export interface Team {
  readonly apiKey: string;
  readonly auth: Record<string, string>;
}

/** Lets writers change clients while the API is killed again and again, then looks at what is left. */
export async function runTrial(
  server: FaultServer,
  entry: string,
  options: Options,
  log: (line: string) => void,
): Promise<TrialResult> {
  const database = await server.database();
  const dataDir = mkdtempSync(join(tmpdir(), 'latchkey-faults-api-'));
  const port = await freePort();
  const collector = await Collector.listen();
  const api = new ApiProcess(entry, { ...environment(database, dataDir, port), ...collector.env }, port);
  const started = Date.now();
  try {
    await api.start();
    const team = await makeTeam(port, SCOPES);
    const { journal, kills } = await underFire(api, team.apiKey, options, log);
    const logValid = await verified(port, team);
    const forwarded = await collector.compare(database);
    await api.stop();
    const findings = await compare(database, journal);
    const seconds = Math.round((Date.now() - started) / 1000);
    return { acknowledged: journal.length, kills, seconds, logValid, ...findings, ...forwarded };
  } finally {
    await api.kill();
    await collector.close();
    await database.drop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** Kills at a random moment within each share of the changes; the last start serves until all are made. */
async function underFire(
  api: ApiProcess,
  apiKey: string,
  { mutations, kills, connections }: Options,
  log: (line: string) => void,
): Promise<{ journal: Acknowledged[]; kills: number }> {
  const progress = { made: 0 };
  let killed = 0;
  const writers = Array.from({ length: connections }, () => new Writer(api.port, apiKey));
  const work = Promise.all(
    writers.map((writer) =>
      writer.run(
        () => progress.made < mutations,
        () => progress.made++,
      ),
    ),
  );
  const share = mutations / (kills + 1);
  while (killed < kills) {
    const at = Math.min(mutations - 1, Math.ceil(share * (killed + 0.5 + Math.random())));
    await reached(progress, at, work);
    await sleep(Math.random() * 5);
    await api.kill();
    killed++;
    if (killed % 10 === 0) log(`  ${killed} kills, ${progress.made} changes acknowledged`);
    await api.start();
  }
  await work;
  return { journal: writers.flatMap(({ journal }) => journal), kills: killed };
}

async function reached(
  progress: { readonly made: number },
  count: number,
  work: Promise<unknown>,
): Promise<void> {
  for (;;) {
    if (progress.made >= count) return;
    await Promise.race([sleep(1), work]);
  }
}

async function verified(port: number, team: Team): Promise<boolean> {
  for (let attempt = 0; attempt < 300; attempt++) {
    const answer = await fetch(`http://127.0.0.1:${port}/v1/audit-log/verify`, { headers: team.auth });
    const { data } = (await answer.json()) as { data: { valid: boolean; pendingRows: number } };
    if (data.pendingRows === 0 || !data.valid) return data.valid;
    await sleep(100);
  }
  throw new Error('the log was not sealed in 30 s');
}

/** A new team with a key of these scopes. */
export async function makeTeam(port: number, scopes: readonly string[]): Promise<Team> {
  const post = async (path: string, body: object, headers: Record<string, string> = {}): Promise<any> => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
    return ((await answer.json()) as { data: unknown }).data;
  };
  const owner = await post('/v1/auth/register', {
    email: `faults-${randomBytes(6).toString('hex')}@example.com`,
    password: 'a plain but long passphrase',
    name: 'Fault Finder',
    teamName: 'Faults',
  });
  const auth = { authorization: `Bearer ${owner.accessToken}` };
  const key = await post('/v1/api-keys', { name: 'Faults', scopes }, auth);
  return { apiKey: key.key, auth: { 'x-api-key': key.key } };
}

/** What the API is started with. */
export function environment(
  database: Pick<FaultDatabase, 'appUrl' | 'ownerUrl'>,
  dataDir: string,
  port: number,
): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    NODE_ENV: 'development',
    HOST: '127.0.0.1',
    PORT: String(port),
    DATA_DIR: dataDir,
    LOG_LEVEL: 'warn',
    DATABASE_URL: database.appUrl,
    DATABASE_MIGRATION_URL: database.ownerUrl,
    ANONYMOUS_RATE_LIMIT: '1000000/60',
    USER_RATE_LIMIT: '1000000/60',
    API_KEY_RATE_LIMIT: '1000000/60',
  };
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

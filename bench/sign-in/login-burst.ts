/**
 * What 200 parallel sign-ins do to everybody else: the latency of GET /v1/auth/me alone and with 200 logins in flight all the
 * time, in turns, so that both meet the same machine. Every login is for another unknown address and from another client, so
 * each costs one argon2id hash. `npm run bench:logins [-- ROUNDS SECONDS]`; the goal is a median ratio of p99 of at most 2.
 */
import { randomBytes } from 'node:crypto';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { PASSWORD, type SignInServer, startSignInServer } from './server.js';

const PARALLEL_LOGINS = 200;
const READERS = 4;
/** A pace of its own: a closed loop would take the processor that the logins are after. */
const PAUSE_MS = 10;

const rounds = Number(process.argv[2] ?? 5);
const seconds = Number(process.argv[3] ?? 6);
const agent = new Agent({ keepAlive: true });
const server = await startSignInServer('login_burst');
try {
  const bearer = await signUp(server);
  await read(server.port, bearer, 2);
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const alone = await read(server.port, bearer, seconds);
    const [during, answers] = await Promise.all([
      read(server.port, bearer, seconds),
      logins(server, seconds),
    ]);
    ratios.push(percentile(during, 0.99) / percentile(alone, 0.99));
    console.log(
      `alone ${shown(alone)} | with ${PARALLEL_LOGINS} logins ${shown(during)} | ${JSON.stringify(answers)}`,
    );
  }
  const sorted = ratios.sort((a, b) => a - b);
  console.log(
    `p99 ratio: median ${percentile(sorted, 0.5).toFixed(2)} of ${sorted.map((r) => r.toFixed(2)).join(' ')}`,
  );
} finally {
  agent.destroy();
  await server.stop();
}

async function signUp(to: SignInServer): Promise<string> {
  const email = `burst-${randomBytes(8).toString('hex')}@example.com`;
  const body = { email, password: PASSWORD, name: 'Burst', teamName: 'Burst Realty' };
  const { status, json } = await to.post('/v1/auth/register', body);
  if (status !== 201) throw new Error(`registration answered ${status}`);
  return `Bearer ${json.data?.accessToken}`;
}

/** Latencies in milliseconds, sorted. */
async function read(port: number, authorization: string, forSeconds: number): Promise<number[]> {
  const untilMs = Date.now() + forSeconds * 1000;
  const latencies: number[] = [];
  const reader = async (): Promise<void> => {
    while (Date.now() < untilMs) {
      const startedMs = performance.now();
      const status = await getMe(port, authorization);
      if (status !== 200) throw new Error(`GET /v1/auth/me answered ${status}`);
      latencies.push(performance.now() - startedMs);
      await sleep(PAUSE_MS);
    }
  };
  await Promise.all(Array.from({ length: READERS }, reader));
  return latencies.sort((a, b) => a - b);
}

function getMe(port: number, authorization: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const path = '/v1/auth/me';
    request({ host: '127.0.0.1', port, path, headers: { authorization }, agent }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
    })
      .on('error', reject)
      .end();
  });
}

/** How often which status was answered. */
async function logins(to: SignInServer, forSeconds: number): Promise<Record<number, number>> {
  const untilMs = Date.now() + forSeconds * 1000;
  const answers: Record<number, number> = {};
  const one = async (): Promise<void> => {
    while (Date.now() < untilMs) {
      const email = `nobody-${randomBytes(8).toString('hex')}@example.com`;
      const { status } = await to.post('/v1/auth/login', { email, password: 'not the password of anybody' });
      answers[status] = (answers[status] ?? 0) + 1;
      // A client that is told to come back does so.
      if (status === 503) await sleep(1000);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_LOGINS }, one));
  return answers;
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

function shown(sorted: readonly number[]): string {
  const [p50, p99] = [0.5, 0.99].map((share) => percentile(sorted, share).toFixed(1));
  return `n=${sorted.length} p50=${p50} p99=${p99} ms`;
}

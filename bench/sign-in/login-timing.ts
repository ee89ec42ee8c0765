/**
 * Whether the time of a refused sign-in tells who has an account: unknown, known and disabled ones, on fresh accounts in
 * equal lock state, interleaved. Prints medians and the largest gap; ends with 1 when it is above 5 ms or an answer differs.
 * `npm run build && node dist/bench/sign-in/login-timing.js [tries of each]`
 */
import { randomBytes } from 'node:crypto';
import { withClient } from '../postgres.js';
import { PASSWORD, type Reply, type SignInServer, startSignInServer } from './server.js';

const GAP_LIMIT_MS = 5;
/** Failures 1 to 4 of an account: the fifth locks it. */
const TRIES_PER_ACCOUNT = 4;
const KINDS = ['unknown', 'known', 'disabled'] as const;

const tries = Number(process.argv[2] ?? 500);
const server = await startSignInServer('login_timing');
try {
  const accounts = Math.ceil(tries / TRIES_PER_ACCOUNT);
  const emails = {
    unknown: Array.from({ length: accounts }, newEmail),
    known: await register(server, accounts),
    disabled: await register(server, accounts),
  };
  await withClient(server.databaseUrl, (client) =>
    client.query('UPDATE users SET disabled_at = now() WHERE email = ANY ($1)', [emails.disabled]),
  );
  const times: Record<string, number[]> = { unknown: [], known: [], disabled: [] };
  const shapes = new Set<string>();
  for (let n = -20; n < tries; n++) {
    for (const kind of shuffled()) {
      // The first ones warm the server up and belong to nobody.
      const email = n < 0 ? newEmail() : emails[kind][Math.floor(n / TRIES_PER_ACCOUNT)];
      const reply = await server.post('/v1/auth/login', { email, password: 'certainly not the passphrase' });
      if (n < 0) continue;
      times[kind].push(reply.ms);
      shapes.add(shapeOf(reply));
    }
  }
  const medians = KINDS.map((kind) => median(times[kind]));
  const gap = Math.max(...medians) - Math.min(...medians);
  for (const [index, kind] of KINDS.entries())
    console.log(`${kind.padEnd(9)} median ${medians[index].toFixed(2)} ms`);
  console.log(
    `largest gap ${gap.toFixed(2)} ms over ${tries} tries each; different answers: ${shapes.size - 1}`,
  );
  process.exitCode = gap > GAP_LIMIT_MS || shapes.size > 1 ? 1 : 0;
} finally {
  await server.stop();
}

function newEmail(): string {
  return `timing-${randomBytes(8).toString('hex')}@example.com`;
}

async function register(to: SignInServer, count: number): Promise<string[]> {
  const made = Array.from({ length: count }, newEmail);
  for (const email of made) {
    const body = { email, password: PASSWORD, name: 'Timing', teamName: 'Timing Realty' };
    const { status } = await to.post('/v1/auth/register', body);
    if (status !== 201) throw new Error(`registration answered ${status}`);
  }
  return made;
}

function shuffled(): (typeof KINDS)[number][] {
  return [...KINDS].sort(() => Math.random() - 0.5);
}

/** Status, headers and body without what differs from request to request anyway. */
function shapeOf({ status, headers, json }: Reply): string {
  const { 'x-request-id': _id, date: _date, ...rest } = headers;
  for (const name of Object.keys(rest)) if (name.startsWith('ratelimit-')) delete rest[name];
  return JSON.stringify([
    status,
    Object.keys(rest)
      .sort()
      .map((name) => [name, rest[name]]),
    { ...json.error, requestId: null },
  ]);
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

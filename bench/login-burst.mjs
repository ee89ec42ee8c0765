/**
 * What 200 parallel sign-ins do to everybody else: latencies of GET /v1/auth/me alone, then with 200 logins in flight all
 * the time. Every login is for another unknown address and from another client, so each costs one argon2id hash.
 * Usage: node bench/login-burst.mjs http://127.0.0.1:3000 EMAIL PASSWORD [seconds]
 * The server needs USER_RATE_LIMIT=1000000/900, or the readers meet their own limit.
 */
import { Agent, request } from 'node:http';

const [base, email, password, secondsText = '8'] = process.argv.slice(2);
const SECONDS = Number(secondsText);
const PARALLEL_LOGINS = 200;
const READERS = 4;
const agent = new Agent({ keepAlive: true });
let clients = 0;

function send(method, path, { body, headers = {}, from, keepAlive = false } = {}) {
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const options = {
    method,
    headers: { ...headers, ...(payload ? { 'content-type': 'application/json' } : {}) },
    ...(from ? { localAddress: from } : {}),
    agent: keepAlive ? agent : false,
  };
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, base), options, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode, text: Buffer.concat(chunks).toString() }),
      );
    });
    sent.on('error', reject);
    sent.end(payload);
  });
}

async function read(headers, untilMs) {
  const latencies = [];
  const reader = async () => {
    while (Date.now() < untilMs) {
      const startedMs = performance.now();
      const { status } = await send('GET', '/v1/auth/me', { headers, keepAlive: true });
      if (status !== 200) throw new Error(`GET /v1/auth/me answered ${status}`);
      latencies.push(performance.now() - startedMs);
      // An open loop of its own pace: a closed one would take the processor that the logins are after.
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  await Promise.all(Array.from({ length: READERS }, reader));
  return latencies.sort((a, b) => a - b);
}

async function logins(untilMs) {
  const statuses = {};
  const one = async () => {
    while (Date.now() < untilMs) {
      const n = ++clients;
      const from = `127.${100 + (n >> 14)}.${(n >> 7) & 127}.${1 + (n & 127)}`;
      const body = {
        email: `nobody-${process.pid}-${n}@example.com`,
        password: 'not the password of anybody',
      };
      const { status } = await send('POST', '/v1/auth/login', { body, from });
      statuses[status] = (statuses[status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_LOGINS }, one));
  return statuses;
}

const show = (label, sorted) => {
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))].toFixed(1);
  console.log(
    `${label.padEnd(22)} n=${sorted.length} p50=${at(0.5)} ms p95=${at(0.95)} ms p99=${at(0.99)} ms`,
  );
  return Number(at(0.99));
};

const signedIn = await send('POST', '/v1/auth/login', { body: { email, password } });
if (signedIn.status !== 200) throw new Error(`signing in answered ${signedIn.status}`);
const headers = { authorization: `Bearer ${JSON.parse(signedIn.text).data.accessToken}` };
await read(headers, Date.now() + 2000);
const alone = show('alone', await read(headers, Date.now() + SECONDS * 1000));
const endMs = Date.now() + SECONDS * 1000;
const [during, statuses] = await Promise.all([read(headers, endMs), logins(endMs)]);
const loaded = show('with 200 logins', during);
console.log(`login answers ${JSON.stringify(statuses)}; p99 ratio ${(loaded / alone).toFixed(2)}`);
agent.destroy();

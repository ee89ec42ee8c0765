import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recreateDatabase, startPostgres } from '../postgres.js';
import { startServer, stopServers } from '../server-process.js';

export const PASSWORD = 'a plain but long passphrase';

export interface Reply {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly json: { data?: Record<string, string>; error?: Record<string, unknown> };
  readonly ms: number;
}

export interface SignInServer {
  /** The superuser's URL of its database. */
  readonly databaseUrl: string;
  readonly port: number;
  post(path: string, body: object | null, headers?: Record<string, string>): Promise<Reply>;
  stop(): Promise<void>;
}

let addresses = 0;

/** A loopback address that nobody used before, so that no address reaches its limit. */
function freshAddress(): string {
  addresses++;
  return `127.${1 + (addresses >> 16)}.${(addresses >> 8) & 255}.${addresses & 255}`;
}

/** The built product (`npm run build` first) on a database of its own. */
export async function startSignInServer(name: string): Promise<SignInServer> {
  const postgres = await startPostgres();
  const databaseUrl = await recreateDatabase(postgres, `latchkey_bench_${name}`);
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  const env = {
    PATH: process.env.PATH,
    NODE_ENV: 'test',
    PORT: String(port),
    DATA_DIR: mkdtempSync(join(tmpdir(), 'latchkey-bench-data-')),
    DATABASE_URL: databaseUrl,
    JWT_SECRET: randomBytes(48).toString('hex'),
    MASTER_ENCRYPTION_KEY: randomBytes(32).toString('hex'),
    AUDIT_SIGNING_KEY: randomBytes(32).toString('base64'),
    ANONYMOUS_RATE_LIMIT: '1000000/1',
    USER_RATE_LIMIT: '1000000/1',
    REQUIRE_2FA: 'false',
  };
  const portOf = (line: string): number | null => (line.includes('"listening"') ? port : null);
  await startServer({ args: ['dist/src/main.js'], env, portOf });
  return {
    databaseUrl,
    port,
    post: (path, body, headers = {}) => post(port, path, body, headers),
    stop: async () => {
      await stopServers();
      await postgres.stop();
    },
  };
}

function post(
  port: number,
  path: string,
  body: object | null,
  extra: Record<string, string>,
): Promise<Reply> {
  const headers = { ...(body ? { 'content-type': 'application/json' } : {}), ...extra };
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: '127.0.0.1', port, path, method: 'POST', headers, localAddress: freshAddress(), agent: false },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          const ms = performance.now() - started;
          const json = JSON.parse(Buffer.concat(chunks).toString()) as Reply['json'];
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, json, ms });
        });
      },
    );
    sent.on('error', reject);
    sent.end(body ? JSON.stringify(body) : undefined);
  });
}

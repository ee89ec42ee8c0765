import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { isLoopback } from './loopback.js';
import type { Config } from '../platform/config/config.js';
import { Database } from '../platform/database/database.js';

/** What a newcomer needs to try the API; kept in the data directory for its owner's eyes only. */
export interface Demo {
  readonly email: string;
  readonly password: string;
  readonly apiKey: string;
  /** True when this start made it. */
  readonly isNew: boolean;
}

const FILE = 'demo.json';

const CLIENTS = [
  {
    firstName: 'Jordan',
    lastName: 'Rivera',
    email: 'jordan.rivera@example.com',
    phone: '+15551230101',
    type: 'buyer',
    tags: ['waterfront'],
  },
  {
    firstName: 'Sam',
    lastName: 'Okafor',
    email: 'sam.okafor@example.com',
    phone: '+15551230102',
    type: 'seller',
    tags: ['relocation'],
  },
  {
    firstName: 'Mei',
    lastName: 'Tanaka',
    email: 'mei.tanaka@example.com',
    phone: '+15551230103',
    type: 'investor',
    tags: ['multi-family'],
  },
  {
    firstName: 'Luca',
    lastName: 'Bianchi',
    email: 'luca.bianchi@example.com',
    phone: '+15551230104',
    type: 'renter',
    tags: [],
  },
] as const;

/** The kept demo account, or null. */
export function readDemo(dataDir: string): Demo | null {
  const file = join(dataDir, FILE);
  return existsSync(file) ? { ...(JSON.parse(readFileSync(file, 'utf8')) as Demo), isNew: false } : null;
}

/**
 * On an empty database, outside production and on a loopback address: a team with sample records, made through the
 * API itself like anybody's. Otherwise what an earlier start kept, or null.
 */
export async function createDemo(
  app: NestFastifyApplication,
  config: Config,
  url: string,
): Promise<Demo | null> {
  const kept = readDemo(config.dataDir);
  if (!isLoopback(config.host) || config.registration !== 'open' || !(await isEmpty(app.get(Database))))
    return kept;
  const account = { email: 'demo@example.com', password: `demo ${randomBytes(12).toString('base64url')}` };
  const session = await call<{ accessToken: string }>(url, '/v1/auth/register', null, {
    ...account,
    name: 'Demo Owner',
    teamName: 'Demo Realty',
  });
  const scopes = ['clients:read', 'clients:write', 'clients:delete', 'clients:pii'];
  const { key } = await call<{ key: string }>(url, '/v1/api-keys', session.accessToken, {
    name: 'Demo key',
    scopes,
  });
  for (const client of CLIENTS) await call(url, '/v1/clients', session.accessToken, client);
  const demo = { ...account, apiKey: key };
  writeFileSync(join(config.dataDir, FILE), `${JSON.stringify(demo, null, 2)}\n`, { mode: 0o600 });
  return { ...demo, isNew: true };
}

async function isEmpty(database: Database): Promise<boolean> {
  const [row] = await database.runOne({
    name: null,
    text: 'SELECT latchkey.has_users() AS used',
    values: [],
  });
  return row?.used === false;
}

async function call<T>(url: string, path: string, token: string | null, body: object): Promise<T> {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) },
    body: JSON.stringify(body),
  });
  const answer = (await response.json()) as { data: T; error?: { message: string } };
  if (!response.ok) throw new Error(`the demo team could not be made: ${path} answered ${response.status}`);
  return answer.data;
}

import { createHash } from 'node:crypto';
import pg from 'pg';
import { MasterKeys } from '../../src/platform/crypto/master-keys.js';
import { Database } from '../../src/platform/database/database.js';
import { DataKeys } from '../../src/vault/keys/data-keys.js';
import { type BenchPostgres, recreateDatabase, withClient } from '../postgres.js';
import { Api } from '../product/api.js';
import { productEnvironment, unprivilegedUrl } from '../product/environment.js';
import { openProduct } from './in-process.js';
import { seedLeads } from './seed-leads.js';

/** How many, in how many teams. */
export interface Shape {
  readonly teams: number;
  readonly leads: number;
}

export interface SeededDatabase {
  readonly shape: Shape;
  /** A superuser's URL. */
  readonly adminUrl: string;
  /** What the product needs to run on it. */
  readonly env: NodeJS.ProcessEnv;
}

/** A team of the seed, and a key that reads its leads unmasked. */
export interface SeededTeam {
  readonly teamId: string;
  readonly apiKey: string;
}

const SEEDED = 'seeded';
const SCOPES = ['leads:read', 'leads:pii'];

/** Made of its name: a database that is used again must open with the same secrets. They guard made-up people only. */
const derived = (purpose: string): Buffer =>
  createHash('sha256').update(`latchkey benchmark, ${purpose}`).digest();

/** The database of that shape: the one that an earlier run left on this server, or a new one. */
export async function seededDatabase(
  server: BenchPostgres,
  shape: Shape,
  log: (line: string) => void,
): Promise<SeededDatabase> {
  const name = `latchkey_bench_leads_${shape.teams}_${shape.leads}` as const;
  const isThere = await isSeeded(server, name);
  const adminUrl = isThere ? server.adminUrl(name) : await recreateDatabase(server, name);
  const env = {
    ...(await productEnvironment(adminUrl, await unprivilegedUrl(server, adminUrl, `${name}_api`))),
    JWT_SECRET: derived('tokens').toString('hex'),
    MASTER_ENCRYPTION_KEY: derived('master key').toString('hex'),
    AUDIT_SIGNING_KEY: derived('audit').toString('base64'),
  };
  const database = { shape, adminUrl, env };
  if (!isThere) {
    await seed(database, log);
    await withClient(adminUrl, (admin) => admin.query(`COMMENT ON DATABASE ${name} IS '${SEEDED}'`));
  }
  return database;
}

async function isSeeded(server: BenchPostgres, name: string): Promise<boolean> {
  return withClient(server.adminUrl('postgres'), async (admin) => {
    const { rows } = await admin.query<{ note: string | null }>(
      `SELECT shobj_description(oid, 'pg_database') AS note FROM pg_database WHERE datname = $1`,
      [name],
    );
    return rows[0]?.note === SEEDED;
  });
}

async function seed({ shape, adminUrl, env }: SeededDatabase, log: (line: string) => void): Promise<void> {
  const startedMs = performance.now();
  const teamIds = await registerTeams(env, shape.teams);
  const pool = new pg.Pool({ connectionString: adminUrl, max: 1 });
  const cipher = new DataKeys(new MasterKeys([String(env.MASTER_ENCRYPTION_KEY)]), new Database(pool));
  const progress = (done: number): void => {
    if (done % 100_000 === 0) log(`${done} of ${shape.leads} leads`);
  };
  try {
    await withClient(adminUrl, (admin) =>
      seedLeads({ admin, cipher, teamIds, leads: shape.leads, progress }),
    );
  } finally {
    await pool.end();
  }
  log(`${shape.leads} leads in ${Math.round((performance.now() - startedMs) / 1000)} s`);
}

/** Owners sign themselves up, so that the teams have all that a team has. */
async function registerTeams(env: NodeJS.ProcessEnv, teams: number): Promise<string[]> {
  const product = await openProduct(env);
  try {
    const ids: string[] = [];
    for (let number = 0; number < teams; number++) {
      const body = { ...ownerOf(number), name: 'Bench Owner', teamName: `Made-up Realty ${number}` };
      const made = await new Api(product.port).post<{ team: { id: string } }>(
        '/v1/auth/register',
        null,
        body,
      );
      ids.push(made.team.id);
    }
    return ids;
  } finally {
    await product.close();
  }
}

/** Signs the owners in and makes a key for each. */
export async function teamsOf(port: number, teams: number): Promise<SeededTeam[]> {
  const api = new Api(port);
  const found: SeededTeam[] = [];
  for (let number = 0; number < teams; number++) {
    const { team, accessToken } = await api.post<{ team: { id: string }; accessToken: string }>(
      '/v1/auth/login',
      null,
      ownerOf(number),
    );
    const { key } = await api.post<{ key: string }>('/v1/api-keys', accessToken, {
      name: 'Bench',
      scopes: SCOPES,
    });
    found.push({ teamId: team.id, apiKey: key });
  }
  return found;
}

function ownerOf(number: number): { email: string; password: string } {
  return {
    email: `lead-bench-${number}@example.com`,
    password: derived(`owner ${number}`).toString('base64url'),
  };
}

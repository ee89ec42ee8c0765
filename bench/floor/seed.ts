import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { madeUpClient, seededStatus } from '../people.js';
import type { BaseTeam, Seeded, SeedSizes } from '../target.js';
import { Sealing, uuidV7 } from './sealing.js';

const BATCH = 1000;

export interface FloorSeedOptions extends SeedSizes {
  databaseUrl: string;
  masterKey: Buffer;
}

/** Creates and fills the floor's tables in an empty database. Leads have no part in the floor's work yet. */
export async function seedFloor(options: FloorSeedOptions): Promise<Seeded> {
  const client = new pg.Client({ connectionString: options.databaseUrl });
  await client.connect();
  try {
    // Not from beside this file: the build copies no .sql.
    await client.query(readFileSync(join(process.cwd(), 'bench/floor/schema.sql'), 'utf8'));
    const sealing = new Sealing(options.masterKey);
    const keysPerTeam = Math.max(1, Math.round(options.apiKeys / options.teams));
    const baseTeams: BaseTeam[] = [];
    for (let number = 0; number < options.teams; number++) {
      baseTeams.push(await seedTeam(client, sealing, number, options.clientsPerTeam, keysPerTeam));
    }
    await client.query('VACUUM ANALYZE');
    await client.query('CHECKPOINT');
    return { baseTeams };
  } finally {
    await client.end();
  }
}

async function seedTeam(
  client: pg.Client,
  sealing: Sealing,
  number: number,
  clients: number,
  keys: number,
): Promise<BaseTeam> {
  const teamId = uuidV7();
  await client.query('INSERT INTO teams (id, name) VALUES ($1, $2)', [teamId, `Made-up Realty ${number}`]);
  const apiKeys = Array.from({ length: keys }, () => `lk_live_${randomBytes(24).toString('hex')}`);
  await client.query(
    'INSERT INTO api_keys (key_hash, id, team_id, user_id) SELECT *, $3, $4 FROM unnest($1::text[], $2::uuid[])',
    [apiKeys.map((key) => sealing.hashApiKey(key)), apiKeys.map(() => uuidV7()), teamId, uuidV7()],
  );
  const clientIds: string[] = [];
  for (let from = 0; from < clients; from += BATCH) {
    const count = Math.min(BATCH, clients - from);
    clientIds.push(...(await insertClients(client, sealing, teamId, from, count)));
  }
  return { teamId, apiKey: apiKeys[0], clientIds };
}

async function insertClients(
  client: pg.Client,
  sealing: Sealing,
  teamId: string,
  from: number,
  count: number,
): Promise<string[]> {
  const rows = Array.from({ length: count }, (_, offset) => {
    const id = uuidV7();
    const { type, tags, ...personal } = madeUpClient(from + offset);
    const { dataKey, sealed } = sealing.sealRow(teamId, id, JSON.stringify(personal));
    return { id, type, status: seededStatus(from + offset), tags: JSON.stringify(tags), dataKey, sealed };
  });
  await client.query(
    `WITH row AS (
       SELECT * FROM unnest($2::uuid[], $3::text[], $4::text[], $5::jsonb[], $6::text[], $7::text[])
         AS r (id, type, status, tags, data_key, sealed)
     ), key AS (
       INSERT INTO data_keys (team_id, subject_id, data_key) SELECT $1, id, data_key FROM row
     )
     INSERT INTO clients (team_id, id, type, status, tags, sealed) SELECT $1, id, type, status, tags, sealed FROM row`,
    [
      teamId,
      rows.map((row) => row.id),
      rows.map((row) => row.type),
      rows.map((row) => row.status),
      rows.map((row) => row.tags),
      rows.map((row) => row.dataKey),
      rows.map((row) => row.sealed),
    ],
  );
  return rows.map((row) => row.id);
}

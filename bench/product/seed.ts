import { randomBytes } from 'node:crypto';
import { madeUpClient, seededStatus } from '../people.js';
import type { BaseTeam, Seeded, SeedSizes } from '../target.js';
import { Api } from './api.js';

const PARALLEL = 16;
const SCOPES = ['clients:read', 'clients:write', 'clients:pii'];

/** Fills the product through its own front door: what is measured is then what its users would have. */
export async function seedProduct(port: number, sizes: SeedSizes): Promise<Seeded> {
  const api = new Api(port);
  const keysPerTeam = Math.max(1, Math.round(sizes.apiKeys / sizes.teams));
  const baseTeams: BaseTeam[] = [];
  for (let number = 0; number < sizes.teams; number++) {
    baseTeams.push(await seedTeam(api, number, sizes.clientsPerTeam, keysPerTeam));
  }
  return { baseTeams };
}

async function seedTeam(api: Api, number: number, clients: number, keys: number): Promise<BaseTeam> {
  const owner = await api.post<{ accessToken: string; team: { id: string } }>('/v1/auth/register', null, {
    email: `bench-${number}-${randomBytes(6).toString('hex')}@example.com`,
    password: randomBytes(24).toString('base64url'),
    name: 'Bench Owner',
    teamName: `Made-up Realty ${number}`,
  });
  const made: { key: string }[] = [];
  for (let i = 0; i < keys; i++) {
    made.push(await api.post('/v1/api-keys', owner.accessToken, { name: `Bench ${i}`, scopes: SCOPES }));
  }
  const apiKey = made[0].key;
  const clientIds: string[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < clients; index = next++) {
      const body = { ...madeUpClient(index), status: seededStatus(index) };
      clientIds[index] = (await api.post<{ id: string }>('/v1/clients', apiKey, body)).id;
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  return { teamId: owner.team.id, apiKey, clientIds };
}

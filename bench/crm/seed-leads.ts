import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { SubjectCipher } from '../../src/platform/crypto/subject-cipher.js';
import { personTerms } from '../../src/vault/personal-data/person-terms.js';
import { type MadeUpLead, madeUpLead, OWNERS } from './made-up-lead.js';

/** Rows of one INSERT; with one more batch being sealed meanwhile, this bounds the memory. */
const BATCH = 2000;

export interface LeadSeed {
  /** A superuser's connection: rows go past row level security, constraints hold. */
  readonly admin: pg.Client;
  readonly cipher: SubjectCipher;
  /** Teams that exist, each with its index key. */
  readonly teamIds: readonly string[];
  /** In all; lead n belongs to team n modulo their number, so that the rows of teams lie mixed, as time leaves them. */
  readonly leads: number;
  readonly progress?: (done: number) => void;
}

/**
 * Fills a database with leads as the product would have written them, without their history: sealed values, data keys
 * and search tokens. The next batch is sealed while PostgreSQL writes the last.
 */
export async function seedLeads(seed: LeadSeed): Promise<void> {
  const owners = await addOwners(seed);
  const tokens = new NameTokens(seed.cipher);
  await withoutIndexes(seed.admin, async () => {
    let writing: Promise<unknown> = Promise.resolve();
    for (let from = 0; from < seed.leads; from += BATCH) {
      const numbers = Array.from({ length: Math.min(BATCH, seed.leads - from) }, (_, i) => from + i);
      const batch = await sealBatch(seed, numbers, owners, tokens);
      await writing;
      writing = write(seed.admin, batch);
      seed.progress?.(from);
    }
    await writing;
  });
  await seed.admin.query('VACUUM ANALYZE');
}

/** Indexes that are built at the end take a fraction of the time; most of all that of the tokens, which come in random order. */
async function withoutIndexes(admin: pg.Client, work: () => Promise<void>): Promise<void> {
  const { rows: indexes } = await admin.query<{ name: string; definition: string }>(
    `SELECT indexrelid::regclass AS name, pg_get_indexdef(indexrelid) AS definition FROM pg_index
     WHERE indrelid = 'leads'::regclass AND NOT indisunique`,
  );
  await admin.query('ALTER TABLE blind_index DROP CONSTRAINT blind_index_pkey');
  for (const { name } of indexes) await admin.query(`DROP INDEX ${name}`);
  await work();
  await admin.query(`SET maintenance_work_mem = '512MB'`);
  await admin.query('ALTER TABLE blind_index ADD PRIMARY KEY (team_id, token, subject_id)');
  for (const { definition } of indexes) await admin.query(definition);
}

/** Agents who cannot sign in; records need owners. @returns ids by team */
async function addOwners({ admin, teamIds }: LeadSeed): Promise<string[][]> {
  const ids: string[][] = [];
  for (const teamId of teamIds) {
    const users = Array.from({ length: OWNERS }, () => randomUUID());
    await admin.query(
      `INSERT INTO users (id, email, email_key, name, password_hash)
       SELECT id, id || '@example.com', id || '@example.com', 'Bench Agent', '!' FROM unnest($1::uuid[]) id`,
      [users],
    );
    await admin.query(
      `INSERT INTO memberships (team_id, user_id, role) SELECT $1, id, 'agent' FROM unnest($2::uuid[]) id`,
      [teamId, users],
    );
    ids.push(users);
  }
  return ids;
}

interface SealedLead extends MadeUpLead {
  readonly teamId: string;
  readonly ownerId: string | null;
  readonly sealed: Buffer;
  readonly wrapped: Buffer;
  readonly masterKeyId: string;
  readonly tokens: readonly string[];
}

async function sealBatch(
  { cipher, teamIds, leads }: LeadSeed,
  numbers: readonly number[],
  owners: readonly (readonly string[])[],
  tokens: NameTokens,
): Promise<SealedLead[]> {
  const batch: SealedLead[] = [];
  for (const number of numbers) {
    const lead = madeUpLead(number, leads);
    const team = number % teamIds.length;
    const teamId = teamIds[team];
    const { key, wrapped, masterKeyId } = cipher.create(teamId, lead.id);
    batch.push({
      ...lead,
      teamId,
      ownerId: lead.owner === null ? null : owners[team][lead.owner],
      sealed: key.seal(JSON.stringify(lead.personal), 'leads'),
      wrapped,
      masterKeyId,
      tokens: lead.archivedAt === null ? await tokens.of(teamId, lead) : [],
    });
  }
  return batch;
}

const isName = (term: string): boolean => term.startsWith('leads.name|');

/** Names repeat, e-mails and phones do not: tokens of names are made once a team. */
class NameTokens {
  private readonly known = new Map<string, string>();

  constructor(private readonly cipher: SubjectCipher) {}

  async of(teamId: string, { personal }: MadeUpLead): Promise<string[]> {
    const { unique, other } = personTerms('leads', personal);
    const own = [...unique, ...other.filter((term) => !isName(term))];
    const names = other.filter(isName);
    const fresh = names.filter((term) => !this.known.has(teamId + term));
    const made = await this.cipher.tokens(teamId, [...own, ...fresh]);
    fresh.forEach((term, i) => this.known.set(teamId + term, made[own.length + i]));
    return [...made.slice(0, own.length), ...names.map((term) => this.known.get(teamId + term) as string)];
  }
}

/** An array parameter of values that need no quoting inside one: ids, names of enums, numbers, times. */
const arrayOf = (values: readonly (string | number | null)[]): string =>
  `{${values.map((value) => value ?? 'NULL').join(',')}}`;
const bytesOf = (values: readonly Buffer[]): string =>
  `{${values.map((value) => `"\\\\x${value.toString('hex')}"`).join(',')}}`;

async function write(admin: pg.Client, batch: readonly SealedLead[]): Promise<void> {
  const column = <T>(pick: (lead: SealedLead) => T): T[] => batch.map(pick);
  const teams = arrayOf(column(({ teamId }) => teamId));
  const ids = arrayOf(column(({ id }) => id));
  await admin.query({
    name: 'seed:leads',
    text: `INSERT INTO leads (team_id, id, sealed, lead_type, lead_status, source, budget_min, budget_max, currency, tags,
        converted_at, owner_id, version, created_at, updated_at, archived_at)
      SELECT team, id, sealed, type, status, nullif(source, ''), low, high, 'USD', string_to_array(tags, ' '),
        converted, owner, 1, created, updated, archived
      FROM unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[],
        $9::text[], $10::timestamptz[], $11::uuid[], $12::timestamptz[], $13::timestamptz[], $14::timestamptz[])
        u(team, id, sealed, type, status, source, low, high, tags, converted, owner, created, updated, archived)`,
    values: [
      teams,
      ids,
      bytesOf(column(({ sealed }) => sealed)),
      arrayOf(column(({ leadType }) => leadType)),
      arrayOf(column(({ leadStatus }) => leadStatus)),
      column(({ source }) => source ?? ''),
      arrayOf(column(({ budgetMin }) => budgetMin)),
      arrayOf(column(({ budgetMax }) => budgetMax)),
      column(({ tags }) => tags.join(' ')),
      arrayOf(column(({ convertedAt }) => convertedAt)),
      arrayOf(column(({ ownerId }) => ownerId)),
      arrayOf(column(({ createdAt }) => createdAt)),
      arrayOf(column(({ updatedAt }) => updatedAt)),
      arrayOf(column(({ archivedAt }) => archivedAt)),
    ],
  });
  await admin.query({
    name: 'seed:keys',
    text: `INSERT INTO data_keys (team_id, subject_id, subject_type, wrapped, master_key_id)
      SELECT team, id, 'leads', wrapped, $4 FROM unnest($1::uuid[], $2::uuid[], $3::bytea[]) u(team, id, wrapped)`,
    values: [teams, ids, bytesOf(column(({ wrapped }) => wrapped)), batch[0].masterKeyId],
  });
  await admin.query({
    name: 'seed:tokens',
    text: `INSERT INTO blind_index (team_id, token, subject_id)
      SELECT ($1::uuid[])[at], token, ($2::uuid[])[at] FROM unnest($3::uuid[], $4::int[]) u(token, at)`,
    values: [
      teams,
      ids,
      arrayOf(batch.flatMap(({ tokens }) => tokens)),
      arrayOf(batch.flatMap(({ tokens }, i) => tokens.map(() => i + 1))),
    ],
  });
}

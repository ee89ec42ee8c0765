import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { ClientsRepository } from '../../src/crm/clients/clients.repository.js';
import type { ListQuery } from '../../src/platform/database/list-query.js';
import { type Account, registerOwner } from '../harness/accounts.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const ROWS = 20_000;

interface PlanNode {
  'Relation Name'?: string;
  'Node Type': string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  Plans?: PlanNode[];
}

/** What the repository keeps to itself: its statements, and the cipher that makes search tokens. */
interface RepositoryParts {
  statements: {
    list(teamId: string, query: ListQuery, position: string[] | null): { text: string; values: unknown[] };
  };
  store: { cipher: { tokens(teamId: string, terms: string[]): Promise<string[]> } };
}

const EVERYTHING: ListQuery = {
  limit: 50,
  cursor: null,
  sort: '-createdAt',
  equal: {},
  createdAfter: null,
  updatedAfter: null,
  tokens: [],
};

describe('lists of a large team', () => {
  let app: TestApp;
  let owner: Account;
  let ids: string[];
  let client: pg.Client;

  beforeAll(async () => {
    app = await startTestApp();
    owner = await registerOwner(app.http);
    const made = await owner.http.post('/v1/clients', { firstName: 'Pattern', phone: '+15551239999' });
    ids = Array.from({ length: ROWS }, () => uuidv7());
    await app.database.sql(
      `INSERT INTO clients (team_id, id, sealed, type, status, tags, owner_id, version, created_at, updated_at)
       SELECT $1, u.id, c.sealed, (ARRAY['buyer','seller','investor','renter'])[1 + n % 4],
         CASE WHEN n % 4 = 3 THEN 'inactive' ELSE 'active' END, '{}', CASE WHEN n % 10 = 0 THEN $3::uuid END, 1, now(), now()
       FROM unnest($2::uuid[]) WITH ORDINALITY u(id, n), clients c WHERE c.id = $4`,
      [owner.teamId, ids, owner.userId, made.json.data.id],
    );
    await app.database.sql(
      `INSERT INTO data_keys (team_id, subject_id, subject_type, wrapped, master_key_id)
       SELECT k.team_id, u, k.subject_type, k.wrapped, k.master_key_id FROM unnest($1::uuid[]) u, data_keys k WHERE k.subject_id = $2`,
      [ids, made.json.data.id],
    );
    await app.database.sql(
      'INSERT INTO blind_index (team_id, token, subject_id) SELECT $1, gen_random_uuid(), u FROM unnest($2::uuid[]) u, generate_series(1, 3)',
      [owner.teamId, ids],
    );
    await app.database.sql('VACUUM ANALYZE');
    client = new pg.Client({ connectionString: app.database.appUrl });
    await client.connect();
  });
  afterAll(async () => {
    await client.end();
    await app.close();
  });

  async function expectFewRows(statement: { text: string; values: unknown[] }, times = 2): Promise<void> {
    for (const mode of ['generic', 'custom']) {
      for (const [table, rows] of Object.entries(await rowsRead(statement, mode))) {
        expect({ mode, table, rows: rows <= times * 51 ? 'few' : rows }).toEqual({
          mode,
          table,
          rows: 'few',
        });
      }
    }
  }

  /** Rows that each table gave in the plan, the query run as the application's role. */
  async function rowsRead(
    statement: { text: string; values: unknown[] },
    mode: string,
  ): Promise<Record<string, number>> {
    await client.query(`SET plan_cache_mode = force_${mode}_plan`);
    const literals = statement.values.map((value) => pg.escapeLiteral(String(value))).join(', ');
    await client.query('DEALLOCATE ALL');
    await client.query(`PREPARE wanted AS ${statement.text}`);
    const { rows } = await client.query(`EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE wanted(${literals})`);
    const read: Record<string, number> = {};
    const walk = (node: PlanNode): void => {
      const table = node['Relation Name'];
      if (table) {
        const count = (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops'];
        read[table] = (read[table] ?? 0) + count;
        expect(node['Node Type']).toMatch(/^Index/);
      }
      node.Plans?.forEach(walk);
    };
    walk(rows[0]['QUERY PLAN'][0].Plan);
    return read;
  }

  const cases: [string, (owner: Account) => Partial<ListQuery>, string[]?][] = [
    ['the first page', () => ({})],
    ['by type', () => ({ equal: { type: 'seller' } })],
    ['by owner', ({ userId }) => ({ equal: { ownerId: userId } })],
    ['of what changed', () => ({ updatedAfter: '2020-01-01T00:00:00Z', sort: 'updatedAt' })],
    ['by a word of the name', () => ({}), ['clients.name|pattern']],
    ['by exact phone', () => ({}), ['clients.phone|+15551239999']],
  ];

  it.each(cases)('read at most twice the rows they return: %s', async (_, filters, terms = []) => {
    const { statements, store } = app.app.get<RepositoryParts>(ClientsRepository);
    const tokens = await store.cipher.tokens(owner.teamId, terms);
    await expectFewRows(statements.list(owner.teamId, { ...EVERYTHING, ...filters(owner), tokens }, null));
  });

  it('read a few more where a filter has two values: the planner may as well walk the newest', async () => {
    const { statements } = app.app.get<RepositoryParts>(ClientsRepository);
    const query = { ...EVERYTHING, equal: { status: 'inactive' } };
    await expectFewRows(statements.list(owner.teamId, query, null), 5);
  });

  it.each(['createdAt', '-createdAt'])(
    'are as cheap deep in the list as at its beginning: %s',
    async (sort) => {
      const { statements } = app.app.get<RepositoryParts>(ClientsRepository);
      await expectFewRows(statements.list(owner.teamId, { ...EVERYTHING, sort }, [ids[ROWS / 2]]));
    },
  );
});

import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { Database, enter } from '../../src/platform/database/database.js';
import { AnswerPurge } from '../../src/platform/http/idempotency/answer-purge.js';
import { type Account, registerOwner } from '../harness/accounts.js';
import { eventually } from '../harness/eventually.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const lead = () => ({ firstName: 'Robin', email: `robin-${randomUUID()}@example.com` });
const keyed = () => ({ headers: { 'idempotency-key': randomUUID() } });

describe('what is stored for repeated requests', () => {
  let app: TestApp;
  let teams: Account[];

  beforeAll(async () => {
    app = await startTestApp();
  });
  afterAll(() => app.close());
  beforeEach(async () => {
    await app.database.sql('DELETE FROM idempotency_keys');
    teams = [await registerOwner(app.http), await registerOwner(app.http)];
  });

  const purge = () => app.app.get(AnswerPurge, { strict: false }).run();
  const kept = async (): Promise<string[]> =>
    (await app.database.sql('SELECT team_id FROM idempotency_keys')).map((row) => row.team_id as string);

  /** A finished request of the team whose key is `hours` old. */
  async function answered(team: Account, hours: number) {
    const [body, call] = [lead(), keyed()];
    expect((await team.http.post('/v1/leads', body, call)).status).toBe(201);
    await age(team, hours);
    return { body, call };
  }

  const age = (team: Account, hours: number, more = '') =>
    app.database.sql(
      `UPDATE idempotency_keys SET created_at = now() - make_interval(secs => $2) ${more} WHERE team_id = $1`,
      [team.teamId, hours * 3600],
    );

  it('is deleted after 24 h in every team, and not before', async () => {
    const [old, fresh] = teams;
    const gone = await answered(old, 24.01);
    const stays = await answered(fresh, 23.99);
    await purge();
    expect(await kept()).toEqual([fresh.teamId]);
    const replayed = await fresh.http.post('/v1/leads', stays.body, stays.call);
    expect([replayed.status, replayed.headers['idempotency-replayed']]).toEqual([201, 'true']);
    // The key is free: what is sent under it is a request of its own.
    const again = await old.http.post('/v1/leads', lead(), gone.call);
    expect([again.status, again.headers['idempotency-replayed']]).toEqual([201, undefined]);
  });

  it('goes by itself: the job runs when the application starts', async () => {
    const { database } = app;
    await answered(teams[0], 30);
    await database.sql(`DELETE FROM pgboss.job WHERE name = 'idempotency-purge'`);
    const worker = await startTestApp({ database, env: { ROLE: 'worker' } });
    try {
      await eventually(async () => expect(await kept()).toEqual([]));
    } finally {
      await worker.close();
    }
  });

  it('stays while its request is running, however old, and goes when that one broke off', async () => {
    const [running, broken] = teams;
    await answered(running, 0);
    await age(
      running,
      30,
      `, status_code = NULL, answer_sealed = NULL, lease_expires_at = now() + interval '1 minute'`,
    );
    await answered(broken, 0);
    await age(
      broken,
      30,
      `, status_code = NULL, answer_sealed = NULL, lease_expires_at = now() - interval '1 minute'`,
    );
    await purge();
    expect(await kept()).toEqual([running.teamId]);
    // A younger claim whose process died keeps its progress for the same request.
    await age(running, 23, `, lease_expires_at = now() - interval '1 minute'`);
    await purge();
    expect(await kept()).toEqual([running.teamId]);
  });

  it('is not deleted while fresh, whatever the application asks the function for', async () => {
    const [one, other] = teams;
    await answered(one, 23);
    await answered(other, 0);
    const database = app.app.get(Database, { strict: false });
    for (const argument of ['2147483647', 'NULL', '0']) {
      const text = `SELECT latchkey.purge_idempotency_keys(${argument})`;
      await database.run([{ name: null, text, values: [] }]);
      // In a unit of work the team's own policy would allow the deletion.
      const scope = { teamId: one.teamId, userId: one.userId };
      await database.run([enter(scope, randomUUID()), { name: null, text, values: [] }]);
    }
    const negative = { name: null, text: 'SELECT latchkey.purge_idempotency_keys(-1)', values: [] };
    await expect(database.run([negative])).rejects.toThrow('LIMIT must not be negative');
    expect((await kept()).sort()).toEqual([one.teamId, other.teamId].sort());
  });

  it('can be deleted at most as many rows at a time as asked for', async () => {
    for (const team of teams) await answered(team, 30);
    const [row] = await app.app.get(Database, { strict: false }).runOne({
      name: null,
      text: 'SELECT latchkey.purge_idempotency_keys(1) AS gone',
      values: [],
    });
    expect([Number(row.gone), (await kept()).length]).toEqual([1, 1]);
  });

  it('survives when a request takes the key over while the deletion waits for its row', async () => {
    const [team] = teams;
    await answered(team, 30);
    const taker = new pg.Client({ connectionString: app.database.ownerUrl });
    await taker.connect();
    try {
      await taker.query('BEGIN');
      await taker.query(
        `SELECT set_config('app.team_id', $1, true), set_config('app.unit_of_work', $2, true)`,
        [team.teamId, randomUUID()],
      );
      const taken = await taker.query(
        `UPDATE idempotency_keys SET created_at = now(), status_code = NULL, answer_sealed = NULL,
           claim_id = gen_random_uuid(), lease_expires_at = now() + interval '1 minute'`,
      );
      expect(taken.rowCount).toBe(1);
      const purged = purge();
      await eventually(async () =>
        expect(
          await app.database.sql(
            `SELECT 1 FROM pg_stat_activity WHERE query LIKE '%purge_idempotency_keys%'
               AND wait_event_type = 'Lock' AND datname = current_database()`,
          ),
        ).toHaveLength(1),
      );
      await taker.query('COMMIT');
      await purged;
      expect(await kept()).toEqual([team.teamId]);
    } finally {
      await taker.end();
    }
  });

  it('belongs to the function: nobody else may call it, and it is bound by policies of its own', async () => {
    const [rights] = await app.database.sql(
      `SELECT pg_get_userbyid(proowner) AS owner, has_function_privilege('public', oid, 'EXECUTE') AS public,
         has_function_privilege('latchkey_app', oid, 'EXECUTE') AS app
       FROM pg_proc WHERE proname = 'purge_idempotency_keys'`,
    );
    expect(rights).toEqual({ owner: 'latchkey_lookup', public: false, app: true });
    // Even a function that asked for everything would get nothing fresh.
    await answered(teams[0], 23);
    const lookup = new pg.Client({ connectionString: app.database.ownerUrl });
    await lookup.connect();
    try {
      await lookup.query('SET ROLE latchkey_lookup');
      expect((await lookup.query('DELETE FROM public.idempotency_keys')).rowCount).toBe(0);
      await expect(lookup.query('SELECT answer_sealed FROM public.idempotency_keys')).rejects.toThrow(
        'permission denied',
      );
    } finally {
      await lookup.end();
    }
  });
});

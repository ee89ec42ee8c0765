import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { type Account, createKey, PASSWORD, registerOwner } from '../harness/accounts.js';
import { addMember, changeRole } from '../harness/members.js';
import { eventually, soon } from '../harness/eventually.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

let app: TestApp;
let owner: Account;

beforeAll(async () => {
  app = await startTestApp();
  owner = await registerOwner(app.http);
});
afterAll(() => app.close());

/** A lead from here fails in the database, as long as the fault is there. */
const BROKEN = 'broken source';

const fault = (on: boolean) =>
  app.database.sql(
    on
      ? `CREATE FUNCTION public.fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'fault'; END $$;
         CREATE TRIGGER fault BEFORE INSERT ON leads FOR EACH ROW WHEN (NEW.source = '${BROKEN}') EXECUTE FUNCTION public.fault()`
      : 'DROP TRIGGER fault ON leads; DROP FUNCTION public.fault()',
  );

const moveLease = (seconds: number) =>
  app.database.sql(
    `UPDATE idempotency_keys SET lease_expires_at = now() + make_interval(secs => $1) WHERE status_code IS NULL`,
    [seconds],
  );

const keyed = () => ({ headers: { 'idempotency-key': randomUUID() } });

const bulkOf = (count: number, brokenAt: number) => ({
  atomic: false,
  operations: Array.from({ length: count }, (_, n) => ({
    action: 'create',
    data: { firstName: `Item ${n}`, source: n === brokenAt ? BROKEN : 'web', allowDuplicate: true },
  })),
});
const leads = async (team: Account) => {
  const [row] = await app.database.sql('SELECT count(*)::int AS n FROM leads WHERE team_id = $1', [
    team.teamId,
  ]);
  const [audit] = await app.database.sql(
    `SELECT count(*)::int AS n FROM audit_log WHERE team_id = $1 AND resource_type = 'lead'`,
    [team.teamId],
  );
  return [row.n, audit.n] as [number, number];
};

describe('a bulk request that commits item by item and breaks off', () => {
  it('goes on where it broke off when it is repeated, and repeats nothing', async () => {
    const team = await registerOwner(app.http);
    const [body, call] = [bulkOf(6, 3), keyed()];
    await fault(true);
    expect((await team.http.post('/v1/leads/bulk', body, call)).status).toBe(500);
    expect(await leads(team)).toEqual([3, 3]);
    expect((await team.http.post('/v1/leads/bulk', body, call)).status).toBe(500);
    expect(await leads(team)).toEqual([3, 3]);
    await fault(false);
    const done = await team.http.post('/v1/leads/bulk', body, call);
    expect([done.status, done.json.data.succeeded, done.json.data.failed]).toEqual([200, 6, 0]);
    expect(done.headers['idempotency-replayed']).toBeUndefined();
    expect(await leads(team)).toEqual([6, 6]);
    const ids: string[] = done.json.data.results.map((result: { id: string }) => result.id);
    expect(new Set(ids).size).toBe(6);
    const stored = await app.database.sql('SELECT id FROM leads WHERE team_id = $1', [team.teamId]);
    expect(new Set(stored.map(({ id }) => id as string))).toEqual(new Set(ids));
    const replayed = await team.http.post('/v1/leads/bulk', body, call);
    expect([replayed.headers['idempotency-replayed'], replayed.json.data]).toEqual(['true', done.json.data]);
    expect(await leads(team)).toEqual([6, 6]);
  });

  it('keeps its key for itself: another body is refused, and nothing of it is done', async () => {
    const team = await registerOwner(app.http);
    const call = keyed();
    await fault(true);
    expect((await team.http.post('/v1/leads/bulk', bulkOf(2, 1), call)).status).toBe(500);
    await fault(false);
    const other = await team.http.post('/v1/leads/bulk', bulkOf(3, 9), call);
    expect([other.status, other.json.error.code]).toEqual([422, 'IDEMPOTENCY_MISMATCH']);
    expect(await leads(team)).toEqual([1, 1]);
  });

  it('whose process died waits for its lease, then goes on as well', async () => {
    const team = await registerOwner(app.http);
    const [body, call] = [bulkOf(4, 2), keyed()];
    await fault(true);
    expect((await team.http.post('/v1/leads/bulk', body, call)).status).toBe(500);
    await fault(false);
    await moveLease(60);
    const early = await team.http.post('/v1/leads/bulk', body, call);
    expect([early.status, early.json.error.code]).toEqual([409, 'IDEMPOTENCY_IN_PROGRESS']);
    await moveLease(-1);
    expect((await team.http.post('/v1/leads/bulk', body, call)).json.data.succeeded).toBe(4);
    expect(await leads(team)).toEqual([4, 4]);
  });

  it('stops when another request took its key over, and commits nothing more', async () => {
    const team = await registerOwner(app.http);
    const gate = new pg.Client({ connectionString: app.database.ownerUrl });
    await gate.connect();
    try {
      await gate.query('SELECT pg_advisory_lock(4711)');
      await app.database.sql(
        `CREATE FUNCTION public.wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN PERFORM pg_advisory_xact_lock_shared(4711); RETURN NEW; END $$;
         CREATE TRIGGER gate BEFORE INSERT ON leads FOR EACH ROW WHEN (NEW.source = '${BROKEN}') EXECUTE FUNCTION public.wait_at_gate()`,
      );
      const slow = team.http.post('/v1/leads/bulk', bulkOf(40, 2), keyed());
      await eventually(async () => expect(await leads(team)).toEqual([2, 2]));
      await app.database.sql(`UPDATE idempotency_keys SET claim_id = gen_random_uuid() WHERE team_id = $1`, [
        team.teamId,
      ]);
      await gate.query('SELECT pg_advisory_unlock(4711)');
      const answer = await slow;
      expect([answer.status, answer.json.error.code]).toEqual([503, 'UNAVAILABLE']);
      expect(await leads(team)).toEqual([2, 2]);
    } finally {
      await gate.end();
      await app.database.sql('DROP TRIGGER gate ON leads; DROP FUNCTION public.wait_at_gate()');
    }
  });

  it('that has failed before its first item leaves the key free', async () => {
    const team = await registerOwner(app.http);
    const call = keyed();
    await fault(true);
    expect((await team.http.post('/v1/leads/bulk', bulkOf(2, 0), call)).status).toBe(500);
    await fault(false);
    expect((await team.http.post('/v1/leads/bulk', bulkOf(3, 9), call)).json.data.succeeded).toBe(3);
    expect(await leads(team)).toEqual([3, 3]);
  });

  it('keeps what it has done sealed, and drops it with the answer', async () => {
    const team = await registerOwner(app.http);
    const [body, call] = [bulkOf(3, 2), keyed()];
    await fault(true);
    await team.http.post('/v1/leads/bulk', body, call);
    await fault(false);
    const progress = async () => {
      const [row] = await app.database.sql('SELECT progress FROM idempotency_keys WHERE team_id = $1', [
        team.teamId,
      ]);
      return row.progress as string[];
    };
    const kept = await progress();
    expect(kept).toHaveLength(2);
    for (const entry of kept) expect(Buffer.from(entry, 'base64').toString('latin1')).not.toContain('status');
    await team.http.post('/v1/leads/bulk', body, call);
    expect(await progress()).toEqual([]);
  });
});

describe('a stored answer', () => {
  const client = { firstName: 'Jordan', lastName: 'Quartermaine', email: 'jordan.q@example.com' };
  const scopes = ['clients:read', 'clients:write', 'clients:pii'];

  it('is not shown to a key that has lost a scope since, and the request is not done again', async () => {
    const key = await createKey(owner, scopes);
    const idempotent = keyed();
    const sent = { ...client, allowDuplicate: true };
    const first = await key.http.post('/v1/clients', sent, idempotent);
    expect([first.status, first.json.data.email]).toEqual([201, client.email]);
    const set = (list: string[]) => owner.http.patch(`/v1/api-keys/${key.id}`, { scopes: list });
    expect((await set(['clients:read', 'clients:write'])).status).toBe(200);
    await soon(async () => {
      const again = await key.http.post('/v1/clients', sent, idempotent);
      expect([again.status, again.json.error?.code]).toEqual([409, 'CONFLICT']);
      expect(again.text).not.toMatch(/Quartermaine|jordan\.q/);
    });
    const [{ n }] = await app.database.sql('SELECT count(*)::int AS n FROM clients WHERE team_id = $1', [
      owner.teamId,
    ]);
    expect(n).toBe(1);
    expect((await set([...scopes, 'leads:read'])).status).toBe(200);
    await soon(async () => {
      const back = await key.http.post('/v1/clients', sent, idempotent);
      expect([back.status, back.headers['idempotency-replayed']]).toEqual([201, 'true']);
    });
  });

  it('is not shown to a person in a lower role than when it was made', async () => {
    const person = await addMember(app, owner, 'admin');
    const idempotent = keyed();
    const lead = { firstName: 'Robin', email: 'robin.q@example.com' };
    expect((await person.http.post('/v1/leads', lead, idempotent)).status).toBe(201);
    await changeRole(app, person, 'agent');
    const login = { email: person.email, password: PASSWORD };
    const { accessToken } = (await app.http.post('/v1/auth/login', login)).json.data;
    const lower = app.http.with({ authorization: `Bearer ${accessToken}` });
    const again = await lower.post('/v1/leads', lead, idempotent);
    expect([again.status, again.json.error?.code]).toEqual([409, 'CONFLICT']);
    await changeRole(app, person, 'owner');
    const back = await app.http.post('/v1/auth/login', login);
    const higher = app.http.with({ authorization: `Bearer ${back.json.data.accessToken}` });
    const replayed = await higher.post('/v1/leads', lead, idempotent);
    expect([replayed.status, replayed.headers['idempotency-replayed']]).toEqual([201, 'true']);
  });

  it('from before scopes were kept with it is not shown', async () => {
    const idempotent = keyed();
    const lead = { firstName: 'Old', email: 'old.answer@example.com' };
    expect((await owner.http.post('/v1/leads', lead, idempotent)).status).toBe(201);
    await app.database.sql('UPDATE idempotency_keys SET caller_scopes = NULL WHERE team_id = $1', [
      owner.teamId,
    ]);
    expect((await owner.http.post('/v1/leads', lead, idempotent)).status).toBe(409);
  });
});

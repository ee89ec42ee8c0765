import { randomUUID } from 'node:crypto';
import { type Account, createKey, registerOwner } from '../harness/accounts.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

describe('bulk operations', () => {
  let app: TestApp;
  let owner: Account;
  let counter = 0;

  beforeAll(async () => {
    app = await startTestApp();
    owner = await registerOwner(app.http);
  });
  afterAll(() => app.close());

  const lead = () => ({ firstName: 'Robin', email: `bulk.${++counter}@example.com` });
  const count = async () => {
    const [row] = await app.database.sql('SELECT count(*)::int AS n FROM leads WHERE archived_at IS NULL');
    return row.n as number;
  };

  const send = (...operations: object[]) => owner.http.post('/v1/leads/bulk', { operations });

  it('create 500, change and archive them, each with its audit row', async () => {
    const operations = Array.from({ length: 500 }, () => ({ action: 'create', data: lead() }));
    const created = await owner.http.post('/v1/leads/bulk', { operations });
    expect([created.status, created.json.data.succeeded, created.json.data.failed]).toEqual([200, 500, 0]);
    const ids: string[] = created.json.data.results.map((result: { id: string }) => result.id);
    const changed = await owner.http.post('/v1/leads/bulk', {
      operations: ids.map((id, n) =>
        n < 400
          ? { action: 'update', id, ifMatch: '"v1"', data: { leadStatus: 'contacted' } }
          : { action: 'delete', id },
      ),
    });
    expect(changed.json.data.succeeded).toBe(500);
    expect(changed.json.data.results[0]).toEqual({
      index: 0,
      status: 200,
      id: ids[0],
      version: 2,
      error: null,
    });
    expect(await count()).toBe(400);
    const [audit] = await app.database.sql(
      `SELECT count(*)::int AS n FROM audit_log WHERE resource_id = ANY($1)`,
      [ids],
    );
    expect(audit.n).toBe(1000);
  });

  it.each([
    ['another team’s id', 404, () => ({ action: 'update', id: randomUUID(), data: { notes: 'x' } })],
    [
      'an invalid body',
      400,
      () => ({ action: 'create', data: { firstName: 'Robin', teamId: randomUUID() } }),
    ],
    [
      'a masked value',
      400,
      () => ({ action: 'create', data: { firstName: 'A', email: 'jo***@example.com' } }),
    ],
  ])('write nothing when one fails with %s', async (_name, status, wrong) => {
    const before = await count();
    const answer = await owner.http.post('/v1/leads/bulk', {
      operations: [{ action: 'create', data: lead() }, wrong()],
    });
    expect(answer.status).toBe(status);
    expect(answer.json.error.details[0].field).toMatch(/^operations\.1/);
    expect(await count()).toBe(before);
  });

  it('write nothing when two of them are the same person', async () => {
    const before = await count();
    const data = lead();
    const answer = await owner.http.post('/v1/leads/bulk', {
      operations: [
        { action: 'create', data },
        { action: 'create', data },
      ],
    });
    expect([answer.status, answer.json.error.code]).toEqual([409, 'DUPLICATE']);
    expect(await count()).toBe(before);
  });

  it('refuse a duplicate as one after the other would: of what went before, not of what was allowed after it', async () => {
    const data = lead();
    const operation = (more: object) => ({ action: 'create', data: { ...data, ...more } });
    const other = { action: 'create', data: lead() };
    const before = await count();
    const refused = [
      await send(operation({ allowDuplicate: true }), operation({}), other),
      await send(operation({}), operation({ allowDuplicate: true }), operation({})),
      await send(operation({}), other, operation({})),
    ];
    expect(refused.map(({ status, json }) => [status, json.error?.code])).toEqual(
      refused.map(() => [409, 'DUPLICATE']),
    );
    expect(await count()).toBe(before);
    const allowed = await send(operation({}), operation({ allowDuplicate: true }), other);
    expect([allowed.status, allowed.json.data?.succeeded]).toEqual([200, 3]);
    const ids: string[] = allowed.json.data.results.map((result: { id: string }) => result.id);
    const fresh = `bulk.${++counter}@example.com`;
    const changed = await send(
      { action: 'create', data: { ...data, email: fresh } },
      { action: 'update', id: ids[2], data: { email: fresh, allowDuplicate: true } },
      { action: 'create', data: lead() },
    );
    expect([changed.status, changed.json.data?.succeeded]).toEqual([200, 3]);
  });

  it('free an e-mail for what follows the archiving of its holder, not for what stands before it', async () => {
    const team = await registerOwner(app.http);
    const bulk = (operations: object[], atomic = true) =>
      team.http.post('/v1/leads/bulk', { operations, atomic });
    const kept = () =>
      Promise.all(
        [
          'SELECT id, version, archived_at FROM leads WHERE team_id = $1 ORDER BY id',
          'SELECT token, subject_id FROM blind_index WHERE team_id = $1 ORDER BY 1, 2',
          'SELECT id FROM audit_log WHERE team_id = $1 ORDER BY id',
        ].map((text) => app.database.sql(text, [team.teamId])),
      );
    for (const atomic of [true, false]) {
      const data = lead();
      const { id } = (await team.http.post('/v1/leads', data)).json.data;
      const [create, archive] = [
        { action: 'create', data },
        { action: 'delete', id },
      ];
      const before = await kept();
      // Creations after it are no reason to look at the e-mail later.
      for (const more of [[], [], [{ action: 'create', data: lead() }]]) {
        const refused = await bulk([create, archive, ...more]);
        expect([refused.status, refused.json.error?.code]).toEqual([409, 'DUPLICATE']);
        expect(await kept()).toEqual(before);
      }
      const other = { action: 'create', data: lead() };
      const done = await bulk([other, archive, create], atomic);
      expect([done.status, done.json.data?.succeeded]).toEqual([200, 3]);
      const found = await team.http.get(`/v1/leads?email=${data.email}`);
      expect(found.json.data).toMatchObject([{ id: done.json.data.results[2].id, version: 1 }]);
      expect((await team.http.get(`/v1/leads/${id}`)).status).toBe(404);
    }
  });

  it('each for itself leave a record archived whose e-mail an earlier one asked for in vain', async () => {
    const data = lead();
    const { id } = (await owner.http.post('/v1/leads', data)).json.data;
    const operations = [
      { action: 'create', data },
      { action: 'delete', id },
    ];
    const { json } = await owner.http.post('/v1/leads/bulk', { operations, atomic: false });
    expect(json.data.results.map((result: any) => [result.status, result.error?.code])).toEqual([
      [409, 'DUPLICATE'],
      [200, undefined],
    ]);
    expect((await owner.http.get(`/v1/leads?email=${data.email}`)).json.data).toEqual([]);
  });

  it('each for itself with atomic:false, one result for each', async () => {
    const before = await count();
    const data = lead();
    const theirs = await (await registerOwner(app.http)).http.post('/v1/leads', lead());
    const sent = {
      atomic: false,
      operations: [
        { action: 'create', data },
        { action: 'create', data },
        { action: 'update', id: theirs.json.data.id, data: { notes: 'x' } },
        { action: 'create', data: { firstName: '' } },
        { action: 'create', data: lead() },
      ],
    };
    const headers = { 'idempotency-key': randomUUID() };
    const answer = await owner.http.post('/v1/leads/bulk', sent, { headers });
    const results = answer.json.data.results.map((result: any) => [
      result.status,
      result.error?.code ?? null,
    ]);
    expect(results).toEqual([
      [201, null],
      [409, 'DUPLICATE'],
      [404, 'NOT_FOUND'],
      [400, 'VALIDATION_FAILED'],
      [201, null],
    ]);
    expect(answer.json.data).toMatchObject({ succeeded: 2, failed: 3 });
    expect(await count()).toBe(before + 3);
    const again = await owner.http.post('/v1/leads/bulk', sent, { headers });
    expect([again.headers['idempotency-replayed'], again.json.data]).toEqual(['true', answer.json.data]);
    expect(await count()).toBe(before + 3);
  });

  it('need the delete scope to archive, before any id is looked at', async () => {
    const key = await createKey(owner, ['leads:write', 'leads:read']);
    const answer = await key.http.post('/v1/leads/bulk', {
      operations: [{ action: 'delete', id: randomUUID() }],
    });
    expect([answer.status, answer.json.error.code]).toEqual([403, 'INSUFFICIENT_SCOPE']);
  });

  it('are 1 to 500', async () => {
    for (const length of [0, 501]) {
      const operations = Array.from({ length }, () => ({ action: 'create', data: { firstName: 'A' } }));
      expect((await owner.http.post('/v1/leads/bulk', { operations })).status).toBe(400);
    }
  });
});

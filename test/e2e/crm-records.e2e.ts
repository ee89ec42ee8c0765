import { randomUUID } from 'node:crypto';
import { type Account, createKey, registerOwner } from '../harness/accounts.js';
import { addMember } from '../harness/members.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

interface Resource {
  readonly path: string;
  readonly type: string;
  /** A body that is different each time. */
  readonly body: (n: number) => Record<string, unknown>;
  /** A change, and one that changes nothing after it. */
  readonly change: Record<string, unknown>;
  /** What a record cannot do without. */
  readonly required: string[];
  readonly invalid: Record<string, unknown>[];
}

const person = (n: number) => ({
  firstName: 'Jordan',
  lastName: 'Rivera',
  email: `jordan.${n}@example.com`,
  phone: `+1555200${String(n).padStart(4, '0')}`,
});

const RESOURCES: Resource[] = [
  {
    path: '/v1/clients',
    type: 'client',
    body: person,
    change: { status: 'inactive', lastName: 'Rivers', address: '1 Example Street' },
    required: ['firstName'],
    invalid: [
      { type: 'tenant' },
      { firstName: '' },
      { phone: '123' },
      { email: 'jo***@example.com' },
      { phone: '+1(555)***-**67' },
      { tags: [1] },
      { firstName: null },
      { ownerId: 'me' },
      { teamId: randomUUID() },
    ],
  },
  {
    path: '/v1/leads',
    type: 'lead',
    body: (n) => ({ ...person(n), source: 'website', budgetMin: 100, budgetMax: 200, currency: 'USD' }),
    change: {
      leadStatus: 'qualified',
      leadType: 'investor',
      notes: 'Calls back\nin the evening',
      budgetMax: 300,
    },
    required: ['firstName'],
    invalid: [
      { leadStatus: 'hot' },
      { leadType: 'tenant' },
      { budgetMin: 1.5 },
      { budgetMin: '100' },
      { budgetMin: 500, budgetMax: 200 },
      { currency: 'usd' },
      { convertedClientId: randomUUID() },
      { email: 'jo***@example.com' },
    ],
  },
  {
    path: '/v1/appointments',
    type: 'appointment',
    body: (n) => ({
      title: `Showing ${n}`,
      startsAt: '2026-12-01T10:00:00-08:00',
      endsAt: '2026-12-01T11:00:00-08:00',
      timeZone: 'America/Los_Angeles',
      location: '12 Harbor Street',
      type: 'showing',
    }),
    change: { title: 'Second showing', status: 'completed', endsAt: '2026-12-01T20:00:00.000Z' },
    required: ['title', 'startsAt', 'endsAt'],
    invalid: [
      { endsAt: '2026-12-01T10:00:00-08:00' },
      { startsAt: '2026-12-01T10:00:00' },
      { startsAt: '2026-02-30T10:00:00Z' },
      { endsAt: '2027-12-01T10:00:00Z' },
      { timeZone: 'Mars/Olympus' },
      { type: 'party' },
      { clientId: randomUUID(), leadId: randomUUID() },
      { title: 'a\u0000b' },
    ],
  },
  {
    path: '/v1/listings',
    type: 'listing',
    body: (n) => ({
      street: `${n} Harbor Street`,
      city: 'Springfield',
      state: 'WA',
      postalCode: '98001',
      latitude: 47.5112,
      longitude: -122.257,
      price: 22_190_000,
      currency: 'USD',
      propertyType: 'single_family',
      bedrooms: 3,
      bathrooms: 2.25,
      squareFeet: 1180,
      lotSquareFeet: 5650,
      yearBuilt: 1955,
      listedAt: '2026-10-13',
      mlsNumber: `MLS-${n}`,
    }),
    change: { price: 21_000_000, status: 'pending', bathrooms: 1.75, bedrooms: null },
    required: ['street'],
    invalid: [
      { bathrooms: 1.1 },
      { price: 1.5 },
      { price: -1 },
      { latitude: 91 },
      { status: 'burnt' },
      { listedAt: '10/13/2026' },
      { yearBuilt: 12 },
      { street: null },
    ],
  },
  {
    path: '/v1/escrows',
    type: 'escrow',
    body: (n) => ({
      escrowNumber: `ESC-${n}`,
      purchasePrice: 22_190_000,
      openedAt: '2026-11-01',
      closesAt: '2026-12-15T00:00:00Z',
      checklist: [
        { label: 'Appraisal received' },
        { label: 'Loan approved', done: true, dueAt: '2026-12-01' },
      ],
    }),
    change: { status: 'contingent', checklist: [{ label: 'Appraisal received', done: true }] },
    required: ['escrowNumber'],
    invalid: [
      { closesAt: '2026-10-01' },
      { status: 'won' },
      { checklist: [{ label: '' }] },
      { checklist: [{ label: 'x', paid: true }] },
      { checklist: 'all' },
      { purchasePrice: '1' },
      { escrowNumber: null },
    ],
  },
];

/** Everything of a refusal but the request's own id. */
const facts = (answer: { status: number; text: string; json: any }) => [
  answer.status,
  answer.text.replace(answer.json.error?.requestId, ''),
];

let counter = 0;
const next = () => ++counter;

describe.each(RESOURCES)('$path', ({ path, type, body, change, invalid, required }) => {
  let app: TestApp;
  let owner: Account;
  let stranger: Account;

  beforeAll(async () => {
    app = await startTestApp();
    owner = await registerOwner(app.http);
    stranger = await registerOwner(app.http);
  });
  afterAll(() => app.close());

  const make = async (who: Account, fields: object = {}) => {
    const answer = await who.http.post(path, { ...body(next()), ...fields });
    if (answer.status !== 201) throw new Error(answer.text);
    return answer.json.data;
  };
  const auditOf = (id: string) =>
    app.database.sql(`SELECT action FROM audit_log WHERE resource_id = $1 ORDER BY id`, [id]);

  it('is created, read, changed, archived and restored, each with its audit row', async () => {
    const created = await make(owner);
    const read = await owner.http.get(`${path}/${created.id}`);
    expect(read.status).toBe(200);
    expect(read.json.data).toMatchObject(created);
    expect(read.headers.etag).toBe('"v1"');

    const changed = await owner.http.patch(`${path}/${created.id}`, change);
    expect([changed.status, changed.text]).toEqual([200, expect.anything()]);
    expect(changed.json.data).toMatchObject({ id: created.id, version: 2 });
    const same = await owner.http.patch(`${path}/${created.id}`, change);
    expect([same.status, same.json.data.version]).toEqual([200, 2]);

    expect((await owner.http.delete(`${path}/${created.id}`)).json.data).toEqual({
      id: created.id,
      archived: true,
    });
    expect((await owner.http.get(`${path}/${created.id}`)).status).toBe(404);
    expect((await owner.http.patch(`${path}/${created.id}`, change)).status).toBe(404);
    const list = await owner.http.get(`${path}?limit=100`);
    expect(list.json.data.map((row: { id: string }) => row.id)).not.toContain(created.id);
    expect((await owner.http.post(`${path}/${created.id}/restore`, {})).status).toBe(200);
    expect((await owner.http.post(`${path}/${created.id}/restore`, {})).status).toBe(404);
    expect((await auditOf(created.id)).map((row) => row.action)).toEqual([
      'CREATE',
      'UPDATE',
      'DELETE',
      'UPDATE',
    ]);
    const audit = await owner.http.get(`/v1/audit-log?resourceId=${created.id}`);
    expect(audit.json.data[0].resourceType).toBe(type);
  });

  it('refuses values that break a rule, by name', async () => {
    for (const wrong of invalid) {
      const answer = await owner.http.post(path, { ...body(next()), ...wrong });
      expect([wrong, answer.status, answer.json.error.code]).toEqual([wrong, 400, 'VALIDATION_FAILED']);
      expect(Object.keys(wrong).some((name) => answer.text.includes(`"field":"${name}`))).toBe(true);
    }
  });

  it('names what is missing, and says no more of it', async () => {
    const { status, json } = await owner.http.post(path, {});
    expect([status, json.error.code]).toEqual([400, 'VALIDATION_FAILED']);
    expect(json.error.details).toEqual(required.map((field) => ({ field, message: 'is required' })));
  });

  it("answers another team's record as one that does not exist, byte for byte", async () => {
    const theirs = await make(stranger);
    for (const [method, suffix, sent] of [
      ['GET', '', undefined],
      ['PATCH', '', change],
      ['DELETE', '', undefined],
      ['POST', '/restore', {}],
    ] as const) {
      const foreign = await owner.http.send(method, `${path}/${theirs.id}${suffix}`, { body: sent });
      const none = await owner.http.send(method, `${path}/${randomUUID()}${suffix}`, { body: sent });
      expect(facts(foreign)).toEqual(facts(none));
      expect(foreign.status).toBe(404);
    }
    expect((await stranger.http.get(`${path}/${theirs.id}`)).json.data.version).toBe(1);
    const byStranger = await owner.http.get(`${path}?ownerId=${stranger.userId}`);
    expect([byStranger.status, byStranger.json.data]).toEqual([200, []]);
  });

  it('takes an owner of the team only', async () => {
    for (const ownerId of [stranger.userId, randomUUID()]) {
      const answer = await owner.http.post(path, { ...body(next()), ownerId });
      expect([answer.status, answer.json.error.code]).toEqual([404, 'NOT_FOUND']);
    }
    expect((await make(owner, { ownerId: owner.userId })).ownerId).toBe(owner.userId);
  });

  it('changes the owner alone, and says so in the audit log', async () => {
    const { id } = await make(owner);
    const answer = await owner.http.patch(`${path}/${id}`, { ownerId: owner.userId });
    expect(answer.json.data).toMatchObject({ ownerId: owner.userId, version: 2 });
    const log = await owner.http.get(`/v1/audit-log?resourceId=${id}&action=UPDATE`);
    expect(log.json.data[0]).toMatchObject({
      oldValues: { ownerId: null },
      newValues: { ownerId: owner.userId },
    });
  });

  it('lets two PATCHes with the same If-Match succeed once; the other is 412 with the fields that differ', async () => {
    const { id } = await make(owner);
    const headers = { 'if-match': '"v1"' };
    const answers = await Promise.all([
      owner.http.patch(`${path}/${id}`, change, { headers }),
      owner.http.patch(`${path}/${id}`, { ownerId: owner.userId }, { headers }),
    ]);
    expect(answers.map((answer) => answer.status).sort((a, b) => a - b)).toEqual([200, 412]);
    const won = answers.findIndex((answer) => answer.status === 200);
    const { code, details } = answers[1 - won].json.error;
    expect(code).toBe('PRECONDITION_FAILED');
    const fields = details.map((detail: { field: string }) => detail.field);
    expect(fields).toEqual(['If-Match', ...(won === 0 ? Object.keys(change).sort() : ['ownerId'])]);
    expect(answers[1 - won].headers.etag).toBe('"v2"');
    expect((await owner.http.delete(`${path}/${id}`, { headers })).status).toBe(412);
  });

  it('repeats the first answer for the same Idempotency-Key', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const sent = body(next());
    const first = await owner.http.post(path, sent, { headers });
    const again = await owner.http.post(path, sent, { headers });
    expect([again.status, again.headers['idempotency-replayed']]).toEqual([201, 'true']);
    expect(again.json.data).toEqual(first.json.data);
  });

  it('pages by keyset in every documented order, and refuses a cursor of other filters', async () => {
    const team = await registerOwner(app.http);
    const ids = new Set<string>();
    for (let n = 0; n < 5; n++) ids.add((await make(team)).id);
    const orders = ['createdAt', '-createdAt', 'updatedAt', '-updatedAt'];
    if (type === 'listing') orders.push('price', '-price');
    if (type === 'escrow') orders.push('closesAt', '-closesAt');
    if (type === 'appointment') orders.push('startsAt', '-startsAt');
    for (const sort of orders) {
      const seen: string[] = [];
      let cursor = '';
      do {
        const page = await team.http.get(`${path}?limit=2&sort=${sort}${cursor}`);
        expect(page.status).toBe(200);
        seen.push(...page.json.data.map((row: { id: string }) => row.id));
        const { nextCursor } = page.json.meta;
        cursor = nextCursor === null ? '' : `&cursor=${nextCursor}`;
        if (cursor) {
          const other = await team.http.get(`${path}?limit=2&sort=${sort}${cursor}&ownerId=${team.userId}`);
          expect([other.status, other.json.error.code]).toEqual([400, 'INVALID_CURSOR']);
        }
      } while (cursor);
      expect([sort, seen.length, new Set(seen)]).toEqual([sort, 5, ids]);
    }
    expect((await team.http.get(`${path}?sort=teamId`)).status).toBe(400);
  });

  describe('roles', () => {
    let agent: Account;
    let viewer: Account;
    beforeAll(async () => {
      agent = await addMember(app, owner, 'agent');
      viewer = await addMember(app, owner, 'viewer');
    });

    it("let an agent write what is theirs or nobody's, and delete what is theirs", async () => {
      const others = await make(owner, { ownerId: owner.userId });
      const nobodys = await make(owner);
      const own = await make(agent, { ownerId: agent.userId });
      const url = (record: { id: string }) => `${path}/${record.id}`;
      expect((await agent.http.get(url(others))).status).toBe(200);
      expect((await agent.http.patch(url(others), change)).json.error?.code).toBe('FORBIDDEN');
      expect((await agent.http.delete(url(others))).status).toBe(403);
      expect((await agent.http.patch(url(nobodys), change)).status).toBe(200);
      expect((await agent.http.delete(url(nobodys))).status).toBe(403);
      expect((await agent.http.patch(url(own), change)).status).toBe(200);
      expect((await agent.http.patch(url(own), { ownerId: owner.userId })).status).toBe(403);
      expect((await agent.http.post(path, { ...body(next()), ownerId: owner.userId })).status).toBe(403);
      expect((await agent.http.delete(url(own))).status).toBe(200);
      expect((await agent.http.get(url(others))).json.data.version).toBe(1);
    });

    it('refuse a viewer before any id is looked at', async () => {
      const record = await make(owner);
      const ids = [record.id, randomUUID(), 'not-a-uuid'];
      for (const id of ids) {
        for (const answer of [
          await viewer.http.patch(`${path}/${id}`, change),
          await viewer.http.patch(`${path}/${id}`, { nonsense: 1 }),
          await viewer.http.delete(`${path}/${id}`),
          await viewer.http.post(`${path}/${id}/restore`, {}),
          await viewer.http.post(path, { ...body(next()), ownerId: id }),
        ])
          expect([answer.status, answer.json.error.code]).toEqual([403, 'INSUFFICIENT_SCOPE']);
      }
      expect((await viewer.http.get(`${path}/${record.id}`)).status).toBe(200);
    });

    it('limit a key to its scopes', async () => {
      const key = await createKey(owner, [`${path.slice(4)}:read`]);
      expect((await key.http.get(path)).status).toBe(200);
      expect((await key.http.post(path, body(next()))).status).toBe(403);
    });
  });
});

import { randomUUID } from 'node:crypto';
import { type Account, registerOwner } from '../harness/accounts.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const PEOPLE = { firstName: 'Jordan' };
const TIMES = { title: 'Call', startsAt: '2026-12-01T10:00:00Z', endsAt: '2026-12-01T11:00:00Z' };
const BODY: Record<string, object> = {
  clients: PEOPLE,
  leads: PEOPLE,
  listings: { street: '12 Harbor Street' },
  appointments: TIMES,
};

describe('relations between records', () => {
  let app: TestApp;
  let owner: Account;
  let stranger: Account;
  let counter = 0;

  beforeAll(async () => {
    app = await startTestApp();
    owner = await registerOwner(app.http);
    stranger = await registerOwner(app.http);
  });
  afterAll(() => app.close());

  const make = async (who: Account, resource: string, fields: object = {}): Promise<string> => {
    const body = resource === 'escrows' ? { escrowNumber: `E-${++counter}` } : BODY[resource];
    const answer = await who.http.post(`/v1/${resource}`, { ...body, ...fields });
    if (answer.status !== 201) throw new Error(answer.text);
    return answer.json.data.id;
  };

  describe.each([
    ['appointments', 'clientId', 'clients'],
    ['appointments', 'leadId', 'leads'],
    ['appointments', 'listingId', 'listings'],
    ['escrows', 'listingId', 'listings'],
    ['escrows', 'clientId', 'clients'],
  ])('%s.%s', (resource, field, related) => {
    it("takes the team's own record only: another team's, an archived and an unknown one are the same 404", async () => {
      const own = await make(owner, related);
      const archived = await make(owner, related);
      expect((await owner.http.delete(`/v1/${related}/${archived}`)).status).toBe(200);
      const refused = [await make(stranger, related), archived, randomUUID()];
      const id = await make(owner, resource, { [field]: own });
      const answers = [];
      for (const other of refused) {
        const body = resource === 'escrows' ? { escrowNumber: `E-${++counter}` } : TIMES;
        answers.push(await owner.http.post(`/v1/${resource}`, { ...body, [field]: other }));
        answers.push(await owner.http.patch(`/v1/${resource}/${id}`, { [field]: other }));
      }
      const seen = new Set(answers.map(({ text, json }) => text.replace(json.error.requestId, '')));
      expect(seen.size).toBe(1);
      expect(answers.every(({ status, json }) => status === 404 && json.error.code === 'NOT_FOUND')).toBe(
        true,
      );
      expect((await owner.http.get(`/v1/${resource}/${id}`)).json.data).toMatchObject({
        [field]: own,
        version: 1,
      });
      expect((await owner.http.patch(`/v1/${resource}/${id}`, { [field]: null })).status).toBe(200);
    });

    it('is a filter that finds nothing for ids of others', async () => {
      const theirs = await make(stranger, related);
      await make(stranger, resource, { [field]: theirs });
      for (const other of [theirs, randomUUID()]) {
        const list = await owner.http.get(`/v1/${resource}?${field}=${other}`);
        expect([list.status, list.json.data]).toEqual([200, []]);
      }
      const own = await make(owner, related);
      const id = await make(owner, resource, { [field]: own });
      const list = await owner.http.get(`/v1/${resource}?${field}=${own}`);
      expect(list.json.data.map((row: { id: string }) => row.id)).toEqual([id]);
    });
  });

  it('hold in the table itself: a composite key refuses what the service would let through', async () => {
    const theirs = await make(stranger, 'clients');
    const id = await make(owner, 'escrows');
    await expect(
      app.database.sql('UPDATE escrows SET client_id = $2 WHERE id = $1', [id, theirs]),
    ).rejects.toMatchObject({ code: '23503' });
  });

  it('keep a record that changed with an archived relation of before', async () => {
    const client = await make(owner, 'clients');
    const id = await make(owner, 'escrows', { clientId: client });
    await owner.http.delete(`/v1/clients/${client}`);
    const changed = await owner.http.patch(`/v1/escrows/${id}`, { clientId: client, status: 'contingent' });
    expect([changed.status, changed.json.data.clientId]).toEqual([200, client]);
  });
});

describe('escrows', () => {
  let app: TestApp;
  let owner: Account;
  beforeAll(async () => {
    app = await startTestApp();
    owner = await registerOwner(app.http);
  });
  afterAll(() => app.close());

  const LEGAL: Record<string, string[]> = {
    open: ['contingent', 'cleared', 'cancelled'],
    contingent: ['cleared', 'cancelled'],
    cleared: ['contingent', 'closed', 'cancelled'],
    closed: [],
    cancelled: [],
  };

  it.each(Object.keys(LEGAL))('that are %s move where they may, and nowhere else (409)', async (from) => {
    for (const to of Object.keys(LEGAL)) {
      const made = await owner.http.post('/v1/escrows', { escrowNumber: `${from}-${to}`, status: from });
      const moved = await owner.http.patch(`/v1/escrows/${made.json.data.id}`, { status: to });
      if (from === to || LEGAL[from].includes(to)) {
        expect([to, moved.status]).toEqual([to, 200]);
        expect(moved.json.data.closedAt === null).toBe(to !== 'closed');
      } else {
        expect([to, moved.status, moved.json.error.code]).toEqual([to, 409, 'ILLEGAL_TRANSITION']);
      }
    }
  });

  it.each([
    ['escrows', 'escrowNumber', {}],
    ['listings', 'mlsNumber', { street: '12 Harbor Street' }],
  ])(
    'and listings: %s.%s is unique in the team; 409 names the other record',
    async (resource, field, rest) => {
      const body = { ...rest, [field]: 'N-1' };
      const first = await owner.http.post(`/v1/${resource}`, body);
      const second = await owner.http.post(`/v1/${resource}`, body);
      expect([second.status, second.json.error.code]).toEqual([409, 'DUPLICATE']);
      expect(second.json.error.details).toEqual([{ field: 'id', message: first.json.data.id }]);
      const many = await Promise.all(
        Array.from({ length: 8 }, () => owner.http.post(`/v1/${resource}`, { ...rest, [field]: 'N-2' })),
      );
      expect(many.map((answer) => answer.status).sort((a, b) => a - b)).toEqual([201, ...Array(7).fill(409)]);
      await owner.http.delete(`/v1/${resource}/${first.json.data.id}`);
      expect((await owner.http.post(`/v1/${resource}`, body)).status).toBe(201);
      const back = await owner.http.post(`/v1/${resource}/${first.json.data.id}/restore`, {});
      expect([back.status, back.json.error.code]).toEqual([409, 'DUPLICATE']);
      expect((await (await registerOwner(app.http)).http.post(`/v1/${resource}`, body)).status).toBe(201);
    },
  );
});

describe('listings', () => {
  it('are found by words of street, city, postal code and MLS number, and by price', async () => {
    const app = await startTestApp();
    const owner = await registerOwner(app.http);
    const make = async (street: string, city: string, price: number | null, mlsNumber: string) => {
      const answer = await owner.http.post('/v1/listings', {
        street,
        city,
        price,
        mlsNumber,
        postalCode: '98001',
      });
      return answer.json.data.id;
    };
    const harbor = await make('12 Harbor Street', 'Springfield', 500, 'A-7129300520');
    const canon = await make('9 Cañon Road', 'Springfield', 900, 'B-6414100192');
    const quiet = await make('1 Harbor Street', 'Shelbyville', null, 'C-1');
    const found = async (query: string) =>
      (await owner.http.get(`/v1/listings?${query}`)).json.data.map((row: { id: string }) => row.id);
    expect(await found('q=harb')).toEqual([quiet, harbor]);
    expect(await found('q=harbor%20SPRING')).toEqual([harbor]);
    expect(await found('q=canon')).toEqual([canon]);
    expect(await found('q=7129300520')).toEqual([harbor]);
    expect(await found('q=nowhere')).toEqual([]);
    expect((await owner.http.get('/v1/listings?q=%20!!')).status).toBe(400);
    expect(await found('sort=-price')).toEqual([canon, harbor, quiet]);
    expect(await found('minPrice=500&maxPrice=899')).toEqual([harbor]);
    await owner.http.patch(`/v1/listings/${harbor}`, { street: '12 Lake Street' });
    expect(await found('q=harbor')).toEqual([quiet]);
    expect(await found('q=lake')).toEqual([harbor]);
    await app.close();
  });
});

describe('appointments', () => {
  it('warn of others of the same owner at the same time, and of nothing else', async () => {
    const app = await startTestApp();
    const owner = await registerOwner(app.http);
    const book = async (from: string, to: string, fields: object = {}) =>
      (
        await owner.http.post('/v1/appointments', {
          title: 'Call',
          startsAt: `2026-12-01T${from}:00Z`,
          endsAt: `2026-12-01T${to}:00Z`,
          ownerId: owner.userId,
          ...fields,
        })
      ).json.data;
    const first = await book('10:00', '11:00');
    expect(first.overlaps).toEqual([]);
    const second = await book('10:30', '11:30');
    expect(second.overlaps).toEqual([first.id]);
    expect((await book('11:30', '12:00')).overlaps).toEqual([]);
    expect((await book('10:30', '11:30', { ownerId: null })).overlaps).toEqual([]);
    expect((await owner.http.get(`/v1/appointments/${first.id}`)).json.data.overlaps).toEqual([second.id]);
    const cancelled = await owner.http.patch(`/v1/appointments/${second.id}`, { status: 'cancelled' });
    expect(cancelled.json.data.overlaps).toEqual([]);
    expect((await owner.http.get(`/v1/appointments/${first.id}`)).json.data.overlaps).toEqual([]);
    const range = await owner.http.get(
      '/v1/appointments?startsAfter=2026-12-01T10:30:00Z&startsBefore=2026-12-01T11:30:00Z',
    );
    expect(range.json.data.map((row: { startsAt: string }) => row.startsAt)).toEqual([
      '2026-12-01T10:30:00.000Z',
      '2026-12-01T10:30:00.000Z',
    ]);
    await app.close();
  });
});

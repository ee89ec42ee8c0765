import { randomUUID } from 'node:crypto';
import { type Account, createKey, registerOwner } from '../harness/accounts.js';
import { addMember } from '../harness/members.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

describe('leads', () => {
  let app: TestApp;
  let owner: Account;
  let counter = 0;

  beforeAll(async () => {
    app = await startTestApp();
    owner = await registerOwner(app.http);
  });
  afterAll(() => app.close());

  const make = async (fields: object = {}, who = owner, path = '/v1/leads') => {
    const n = ++counter;
    const answer = await who.http.post(path, {
      firstName: 'Robin',
      lastName: `Ng${n}`,
      email: `robin.${n}@example.com`,
      phone: `+1555300${String(n).padStart(4, '0')}`,
      ...fields,
    });
    if (answer.status !== 201) throw new Error(answer.text);
    return answer.json.data;
  };

  describe('conversion', () => {
    it('from 20 connections at once makes one client; one answer is 201, the rest 200 with the same', async () => {
      const lead = await make({ tags: ['pool'], leadType: 'seller', ownerId: owner.userId });
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => owner.http.post(`/v1/leads/${lead.id}/convert`, {})),
      );
      const statuses = answers.map((answer) => answer.status).sort((a, b) => a - b);
      expect(statuses).toEqual([...Array.from({ length: 19 }, () => 200), 201]);
      const ids = new Set(answers.map((answer) => answer.json.data.client.id));
      expect(ids.size).toBe(1);
      const [client] = (await owner.http.get('/v1/clients')).json.data;
      expect([...ids]).toEqual([client.id]);
      expect(client).toMatchObject({
        email: lead.email,
        type: 'seller',
        tags: ['pool'],
        ownerId: owner.userId,
      });
      expect(answers[0].json.data.lead).toMatchObject({
        leadStatus: 'converted',
        convertedClientId: client.id,
      });
      const audit = await app.database.sql(
        'SELECT resource_type, action FROM audit_log WHERE resource_id = ANY($1) ORDER BY id',
        [[lead.id, client.id]],
      );
      expect(
        audit.map((row) => `${row.action} ${row.resource_type}`).sort((a, b) => (a < b ? -1 : 1)),
      ).toEqual(['CREATE client', 'CREATE lead', 'UPDATE lead']);
    });

    it('meets a client with the same e-mail: 409 with its id, allowed or linked on request', async () => {
      const lead = await make();
      const { id } = await make({ email: lead.email, phone: null }, owner, '/v1/clients');
      const refused = await owner.http.post(`/v1/leads/${lead.id}/convert`, {});
      expect([refused.status, refused.json.error.code]).toEqual([409, 'DUPLICATE']);
      expect(refused.json.error.details).toEqual([{ field: 'id', message: id }]);
      expect((await owner.http.get(`/v1/leads/${lead.id}`)).json.data.leadStatus).toBe('new');
      const linked = await owner.http.post(`/v1/leads/${lead.id}/convert`, { clientId: id });
      expect([linked.status, linked.json.data.client.id]).toEqual([201, id]);

      const second = await make({ email: lead.email, allowDuplicate: true });
      const allowed = await owner.http.post(`/v1/leads/${second.id}/convert`, { allowDuplicate: true });
      expect(allowed.status).toBe(201);
      expect(allowed.json.data.client.id).not.toBe(id);
    });

    it('needs clients:write as well, and a lead that is the agent’s or nobody’s', async () => {
      const lead = await make({ ownerId: owner.userId });
      const key = await createKey(owner, ['leads:write', 'leads:read']);
      const byKey = await key.http.post(`/v1/leads/${randomUUID()}/convert`, {});
      expect([byKey.status, byKey.json.error.code]).toEqual([403, 'INSUFFICIENT_SCOPE']);
      const agent = await addMember(app, owner, 'agent');
      expect((await agent.http.post(`/v1/leads/${lead.id}/convert`, {})).status).toBe(403);
      const theirs = await registerOwner(app.http);
      expect((await theirs.http.post(`/v1/leads/${lead.id}/convert`, {})).status).toBe(404);
      const foreign = await make({}, theirs, '/v1/clients');
      const linked = await owner.http.post(`/v1/leads/${lead.id}/convert`, { clientId: foreign.id });
      expect(linked.status).toBe(404);
    });
  });

  const merge = (id: string, intoId: string) => owner.http.post(`/v1/leads/${id}/merge`, { intoId });

  describe('merge', () => {
    it('fills what is missing, moves appointments and archives the other; a dry run only says so', async () => {
      const from = await make({ notes: 'Wants a garden', tags: ['garden'], source: 'fair' });
      const into = await make({ phone: null, tags: ['pool'] });
      const appointment = await owner.http.post('/v1/appointments', {
        title: 'Call',
        startsAt: '2026-12-01T10:00:00Z',
        endsAt: '2026-12-01T10:30:00Z',
        leadId: from.id,
      });
      const dry = await owner.http.post(`/v1/leads/${from.id}/merge`, { intoId: into.id, dryRun: true });
      expect(dry.json.data).toMatchObject({
        dryRun: true,
        archivedId: from.id,
        changed: ['source', 'tags', 'phone', 'notes'],
        appointments: 1,
        lead: { id: into.id, phone: from.phone, notes: 'Wants a garden', version: 1 },
      });
      expect((await owner.http.get(`/v1/leads/${from.id}`)).status).toBe(200);
      expect((await owner.http.get(`/v1/leads/${into.id}`)).json.data.version).toBe(1);

      const done = await owner.http.post(`/v1/leads/${from.id}/merge`, { intoId: into.id });
      expect(done.json.data).toMatchObject({ ...dry.json.data, dryRun: false, lead: { version: 2 } });
      expect((await owner.http.get(`/v1/leads/${from.id}`)).status).toBe(404);
      const found = await owner.http.get(`/v1/leads?phone=${encodeURIComponent(from.phone)}`);
      expect(found.json.data.map((row: { id: string }) => row.id)).toEqual([into.id]);
      const moved = await owner.http.get(`/v1/appointments/${appointment.json.data.id}`);
      expect(moved.json.data.leadId).toBe(into.id);
    });

    it('refuses itself, a stranger’s lead, and leads of different clients', async () => {
      const [a, b] = [await make(), await make()];
      const theirs = await make({}, await registerOwner(app.http));
      expect((await merge(a.id, a.id)).status).toBe(400);
      expect((await merge(a.id, theirs.id)).status).toBe(404);
      expect((await merge(theirs.id, a.id)).status).toBe(404);
      for (const { id } of [a, b]) await owner.http.post(`/v1/leads/${id}/convert`, {});
      expect((await merge(a.id, b.id)).json.error.code).toBe('CONFLICT');
    });
  });

  it('are counted by status, type and source within a timeframe', async () => {
    const team = await registerOwner(app.http);
    const first = await make({ source: 'website' }, team);
    await make({ source: 'website', leadType: 'seller' }, team);
    await make({ leadStatus: 'lost' }, team);
    await team.http.post(`/v1/leads/${first.id}/convert`, {});
    const stats = await team.http.get('/v1/leads/stats?timeframe=7d');
    expect(stats.json.data).toMatchObject({
      timeframe: '7d',
      created: 3,
      converted: 1,
      conversionRate: 0.3333,
      byStatus: { new: 1, contacted: 0, qualified: 0, unqualified: 0, converted: 1, lost: 1 },
      byType: { buyer: 2, seller: 1, renter: 0, investor: 0 },
      bySource: [
        { source: 'website', count: 2 },
        { source: null, count: 1 },
      ],
    });
    expect((await team.http.get('/v1/leads/stats?timeframe=1y')).status).toBe(400);
    expect((await (await registerOwner(app.http)).http.get('/v1/leads/stats')).json.data.created).toBe(0);
  });
});

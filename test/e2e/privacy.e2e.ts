import { createPublicKey, randomUUID } from 'node:crypto';
import { OfflineCheck } from '../../src/oversight/audit/offline-check.js';
import { type Account, createKey, registerOwner } from '../harness/accounts.js';
import { addClients, sealed } from '../harness/audit.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const PERSON = {
  firstName: 'Wilhelmina',
  lastName: 'Vandersloot',
  email: 'wilhelmina.vandersloot@example.com',
  phone: '+15550148877',
  notes: 'Prefers the mornings',
  tags: ['Piccadilly regular'],
};
const TRACES = /wilhelmina|vandersloot|5550148877|mornings|piccadilly/i;

describe('a person’s data', () => {
  let app: TestApp;
  let owner: Account;
  let id: string;
  const idempotencyKey = randomUUID();

  beforeAll(async () => {
    app = await startTestApp();
    owner = await registerOwner(app.http);
    const created = await owner.http.post('/v1/clients', PERSON, {
      headers: { 'idempotency-key': idempotencyKey },
    });
    ({ id } = created.json.data);
    await owner.http.patch(`/v1/clients/${id}`, {
      notes: 'Prefers the mornings, before nine',
      tags: ['Piccadilly regular', 'Piccadilly owner'],
    });
  });
  afterAll(() => app.close());

  it('has a history that shows each change, masked for those without clients:pii', async () => {
    const mine = await owner.http.get(`/v1/clients/${id}/history`);
    expect(mine.json.data.map((row: any) => row.action)).toEqual(['UPDATE', 'CREATE']);
    expect(mine.json.data[1].newValues).toMatchObject({
      email: PERSON.email,
      tags: PERSON.tags,
      type: 'buyer',
    });
    expect(Object.keys(mine.json.data[0].newValues).sort()).toEqual(['notes', 'tags']);
    const key = await createKey(owner, ['clients:read']);
    const masked = await key.http.get(`/v1/clients/${id}/history?limit=1`);
    expect(masked.json.meta.nextCursor).not.toBeNull();
    expect(masked.json.data[0]).toMatchObject({ ipAddress: null, userAgent: null });
    const second = await key.http.get(
      `/v1/clients/${id}/history?limit=1&cursor=${encodeURIComponent(masked.json.meta.nextCursor)}`,
    );
    expect(second.json.data[0].newValues.email).toBe('wi***@example.com');
  });

  it('is exported whole for the person', async () => {
    const { json } = await owner.http.get(`/v1/clients/${id}/export`);
    expect(json.data.record).toMatchObject({
      ...PERSON,
      notes: 'Prefers the mornings, before nine',
      tags: ['Piccadilly regular', 'Piccadilly owner'],
    });
    expect(json.data.history).toHaveLength(2);
  });

  it('of another team is 404, as if it did not exist', async () => {
    const other = await registerOwner(app.http);
    for (const [method, path] of [
      ['GET', 'history'],
      ['GET', 'export'],
      ['POST', 'erase'],
    ]) {
      const theirs = await other.http.send(method, `/v1/clients/${id}/${path}`);
      const none = await other.http.send(method, `/v1/clients/${randomUUID()}/${path}`);
      expect([theirs.status, theirs.json.error.code]).toEqual([404, 'NOT_FOUND']);
      expect(theirs.text.replace(theirs.json.error.requestId, '')).toBe(
        none.text.replace(none.json.error.requestId, ''),
      );
    }
  });

  it('cannot be erased with an API key', async () => {
    const key = await createKey(owner, ['clients:delete', 'clients:read', 'clients:pii']);
    expect((await key.http.post(`/v1/clients/${id}/erase`)).status).toBe(403);
  });

  describe('once erased', () => {
    beforeAll(async () => {
      const erased = await owner.http.post(`/v1/clients/${id}/erase`);
      expect(erased.json).toEqual({ success: true, data: { id, erased: true } });
    });

    it('is gone from reads, lists, search, history and exports', async () => {
      expect((await owner.http.get(`/v1/clients/${id}`)).status).toBe(404);
      expect((await owner.http.get(`/v1/clients/${id}/export`)).status).toBe(404);
      expect((await owner.http.post(`/v1/clients/${id}/restore`, {})).status).toBe(404);
      expect((await owner.http.post(`/v1/clients/${id}/erase`)).status).toBe(404);
      expect((await owner.http.get(`/v1/clients?email=${PERSON.email}`)).json.data).toEqual([]);
      for (const path of [
        `/v1/clients`,
        `/v1/clients/${id}/history`,
        '/v1/audit-log',
        '/v1/audit-log/export?format=ndjson',
        '/v1/audit-log/export?format=csv',
      ]) {
        const answer = await owner.http.get(path);
        expect(answer.status).toBe(200);
        expect(answer.text).not.toMatch(TRACES);
      }
      const history = await owner.http.get(`/v1/clients/${id}/history`);
      expect(history.json.data[0]).toMatchObject({ action: 'DELETE', newValues: { erased: true } });
      expect(history.json.data).toHaveLength(3);
    });

    it('is readable in no column of any audit row', async () => {
      const rows = await app.database.sql(
        'SELECT to_jsonb(a)::text AS text FROM audit_log a WHERE resource_id = $1',
        [id],
      );
      expect(rows).toHaveLength(3);
      for (const { text } of rows) expect(text).not.toMatch(TRACES);
    });

    it('has no key, no search token and no stored answer left in the database', async () => {
      const [left] = await app.database.sql(
        `SELECT (SELECT count(*)::int FROM data_keys WHERE subject_id = $1) AS keys,
          (SELECT count(*)::int FROM blind_index WHERE subject_id = $1) AS tokens,
          (SELECT count(*)::int FROM idempotency_keys WHERE answer_sealed IS NOT NULL AND $1 = ANY (subject_ids)) AS answers,
          (SELECT length(sealed) FROM clients WHERE id = $1) AS bytes`,
        [id],
      );
      expect(left).toEqual({ keys: 0, tokens: 0, answers: 0, bytes: 0 });
      const replay = await owner.http.post('/v1/clients', PERSON, {
        headers: { 'idempotency-key': idempotencyKey },
      });
      expect(replay.status).toBe(409);
      expect(replay.text).not.toMatch(TRACES);
    });

    it('leaves an audit log that verifies, online and offline', async () => {
      const result = await sealed(owner);
      expect(result).toMatchObject({ valid: true, firstBrokenId: null });
      const pem = (await owner.http.get('/v1/audit-log/public-key')).json.data.publicKey;
      const check = new OfflineCheck([createPublicKey(pem)], result.head);
      for (const line of (await owner.http.get('/v1/audit-log/export')).text.split('\n')) check.add(line);
      expect(check.result()).toMatchObject({ valid: true, checkedRows: result.checkedRows });
    });

    it('does not stand in the way of a new client with the same address', async () => {
      const again = await owner.http.post('/v1/clients', PERSON);
      expect(again.status).toBe(201);
      expect(again.json.data.id).not.toBe(id);
    });
  });

  it('can be erased after it was archived', async () => {
    const [archived] = await addClients(owner, 1, { email: 'archived.person@example.com' });
    await owner.http.delete(`/v1/clients/${archived}`);
    expect((await owner.http.post(`/v1/clients/${archived}/erase`)).status).toBe(200);
    expect((await owner.http.get(`/v1/clients/${archived}/history`)).text).not.toContain('archived.person');
  });

  it('is erased from leads just the same', async () => {
    const lead = {
      firstName: 'Wilhelmina',
      email: 'wilhelmina.lead@example.com',
      leadType: 'buyer',
      source: 'a cousin of Vandersloot',
      tags: ['Piccadilly'],
    };
    const created = await owner.http.post('/v1/leads', lead);
    expect(created.status).toBe(201);
    const leadId = created.json.data.id;
    expect((await owner.http.get(`/v1/leads/${leadId}/export`)).json.data.record.email).toBe(lead.email);
    expect((await owner.http.post(`/v1/leads/${leadId}/erase`)).status).toBe(200);
    expect((await owner.http.get(`/v1/leads/${leadId}`)).status).toBe(404);
    expect((await owner.http.get(`/v1/leads/${leadId}/history`)).text).not.toMatch(TRACES);
    const [left] = await app.database.sql(
      `SELECT (SELECT to_jsonb(l)::text FROM leads l WHERE id = $1) AS shell,
        (SELECT string_agg(to_jsonb(a)::text, ' ') FROM audit_log a WHERE resource_id = $1) AS history`,
      [leadId],
    );
    expect(left.shell + left.history).not.toMatch(TRACES);
  });
});

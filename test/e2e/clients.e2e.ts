import { type Account, createKey, registerOwner } from '../harness/accounts.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

describe('clients', () => {
  let app: TestApp;
  let owner: Account;

  beforeAll(async () => {
    app = await startTestApp();
    owner = await registerOwner(app.http);
  });
  afterAll(() => app.close());

  it('are created, read, changed, archived and restored', async () => {
    const created = await owner.http.post('/v1/clients', {
      firstName: 'Jordan',
      lastName: 'Rivera',
      email: 'jordan.rivera@example.com',
      phone: '(555) 123-4567',
      tags: ['waterfront'],
    });
    expect(created.text).toContain('"success":true');
    expect(created.status).toBe(201);
    const { id } = created.json.data;
    expect(created.json.data).toMatchObject({
      phone: '+15551234567',
      type: 'buyer',
      status: 'active',
      version: 1,
    });
    expect(created.headers.etag).toBe('"v1"');

    const read = await owner.http.get(`/v1/clients/${id}`);
    expect(read.status).toBe(200);
    expect(read.json.data).toEqual(created.json.data);

    const patched = await owner.http.patch(`/v1/clients/${id}`, { status: 'inactive', lastName: 'Rivers' });
    expect(patched.json.data).toMatchObject({
      status: 'inactive',
      lastName: 'Rivers',
      email: 'jordan.rivera@example.com',
      version: 2,
    });

    expect((await owner.http.delete(`/v1/clients/${id}`)).status).toBe(200);
    expect((await owner.http.get(`/v1/clients/${id}`)).status).toBe(404);
    const restored = await owner.http.post(`/v1/clients/${id}/restore`, {});
    expect(restored.status).toBe(200);
    expect((await owner.http.get(`/v1/clients/${id}`)).json.data.lastName).toBe('Rivers');
  });

  it('show masks to a key without clients:pii', async () => {
    const key = await createKey(owner, ['clients:read']);
    const list = await key.http.get('/v1/clients');
    expect(list.json.data[0]).toMatchObject({
      firstName: 'Jordan',
      lastName: 'R.',
      email: 'jo***@example.com',
      phone: '+1(555)***-**67',
    });
  });

  it('are read and not written with clients:read alone; the refusal names what is missing', async () => {
    const [{ id }] = (await owner.http.get('/v1/clients')).json.data;
    const key = await createKey(owner, ['clients:read', 'leads:read']);
    expect((await key.http.get('/v1/clients')).status).toBe(200);
    expect((await key.http.get(`/v1/clients/${id}`)).status).toBe(200);
    const before = await app.database.sql('SELECT * FROM clients ORDER BY id');
    const refusals = [
      [await key.http.post('/v1/clients', { firstName: 'Nobody' }), 'clients:write'],
      [await key.http.patch(`/v1/clients/${id}`, { status: 'inactive' }), 'clients:write'],
      [await key.http.post(`/v1/clients/${id}/restore`, {}), 'clients:write'],
      [await key.http.delete(`/v1/clients/${id}`), 'clients:delete'],
    ] as const;
    for (const [answer, required] of refusals) {
      expect([answer.status, answer.json.error.code, answer.json.error.details]).toEqual([
        403,
        'INSUFFICIENT_SCOPE',
        [
          { field: 'required', message: required },
          { field: 'granted', message: 'clients:read leads:read' },
        ],
      ]);
    }
    expect(await app.database.sql('SELECT * FROM clients ORDER BY id')).toEqual(before);
  });
});

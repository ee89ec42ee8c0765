import { randomBytes } from 'node:crypto';
import { type Account, registerOwner } from '../harness/accounts.js';
import { tamper } from '../harness/audit.js';
import { enableTwoFactor } from '../harness/authenticator.js';
import { eventually } from '../harness/eventually.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const SECRETS = ['Quillfeather', 'quill.feather@example.com'];

const row = (id: string): string => `id = '${id}'`;
const key = (id: string): string => `subject_id = '${id}'`;
const audit = (id: string): string => `resource_id = '${id}'`;
const ofUser = (account: Account): string => `user_id = '${account.userId}'`;

async function addClient(account: Account): Promise<string> {
  const [lastName, email] = [SECRETS[0], `${randomBytes(4).toString('hex')}.${SECRETS[1]}`];
  const created = await account.http.post('/v1/clients', { firstName: 'Ida', lastName, email });
  expect(created.status).toBe(201);
  return created.json.data.id;
}

/** Sealed values are bound to their place (security.md, promise 11): whoever writes into the database gains nothing. */
describe('sealed values', () => {
  let app: TestApp;
  let owner: Account;
  let stranger: Account;
  let failures = 0;

  beforeAll(async () => {
    app = await startTestApp();
    owner = await registerOwner(app.http);
    stranger = await registerOwner(app.http);
  });
  afterAll(() => app.close());

  async function bytesOf(from: string, where: string): Promise<Buffer> {
    const [found] = await app.database.sql(
      `SELECT ${from.split('.')[1]} AS bytes FROM ${from.split('.')[0]} WHERE ${where}`,
    );
    return found.bytes;
  }

  async function put(target: string, where: string, bytes: Buffer): Promise<void> {
    const [table, column] = target.split('.');
    await tamper(
      app.database,
      `UPDATE ${table} SET ${column} = '\\x${bytes.toString('hex')}' WHERE ${where}`,
    );
  }

  async function failsClosed(account: Account, path: string, what: string): Promise<void> {
    const answer = await account.http.get(path);
    failures++;
    expect([what, answer.status, answer.json.error?.code]).toEqual([what, 500, 'INTERNAL']);
    for (const secret of SECRETS) expect(answer.text).not.toContain(secret);
  }

  it('open in no other row, field, audit row or team', async () => {
    const [first, second] = [await addClient(owner), await addClient(owner)];
    const foreign = await addClient(stranger);
    const changed = await owner.http.patch(`/v1/clients/${first}`, { lastName: 'Quillfeather-Two' });
    expect(changed.status).toBe(200);
    const [created, updated] = (
      await app.database.sql(`SELECT id FROM audit_log WHERE resource_id = $1 ORDER BY id`, [first])
    ).map(({ id }) => row(id));
    const read = `/v1/clients/${first}`;
    const history = `/v1/audit-log?resourceId=${first}`;
    const swaps: [target: string, where: string, from: string, fromWhere: string, path: string][] = [
      ['clients.sealed', row(first), 'clients.sealed', row(second), read],
      ['clients.sealed', row(first), 'clients.sealed', row(foreign), read],
      ['clients.sealed', row(first), 'audit_log.sealed', created, read],
      ['data_keys.wrapped', key(first), 'data_keys.wrapped', key(second), read],
      ['data_keys.wrapped', key(first), 'data_keys.wrapped', key(foreign), read],
      ['data_keys.wrapped', key(first), 'data_keys.wrapped', key(owner.teamId), read],
      ['audit_log.sealed', created, 'audit_log.sealed', updated, history],
      ['audit_log.sealed', created, 'audit_log.sealed', audit(foreign), history],
      ['audit_log.sealed', created, 'clients.sealed', row(first), history],
    ];
    for (const [target, where, from, fromWhere, path] of swaps) {
      const [own, other] = [await bytesOf(target, where), await bytesOf(from, fromWhere)];
      await put(target, where, other);
      await failsClosed(owner, path, `${from} of ${fromWhere} in ${target} of ${where}`);
      await put(target, where, own);
      expect((await owner.http.get(path)).status).toBe(200);
    }
  });

  it('open with no bit flipped, wherever it is', async () => {
    const id = await addClient(owner);
    for (const [target, where] of [
      ['clients.sealed', `id = '${id}'`],
      ['data_keys.wrapped', `subject_id = '${id}'`],
    ]) {
      const own = await bytesOf(target, where);
      for (let byte = 0; byte < own.length; byte++) {
        const flipped = Buffer.from(own);
        flipped[byte] ^= 1 << (byte % 8);
        await put(target, where, flipped);
        await failsClosed(owner, `/v1/clients/${id}`, `${target} with byte ${byte} flipped`);
      }
      await put(target, where, own.subarray(0, own.length - 1));
      await failsClosed(owner, `/v1/clients/${id}`, `${target} cut short`);
      await put(target, where, own);
    }
    expect((await owner.http.get(`/v1/clients/${id}`)).status).toBe(200);
  });

  it('raise a critical event each time', async () => {
    const query = '/v1/security-events?type=suspicious_activity&severity=critical&limit=100';
    await eventually(async () => {
      const { json } = await owner.http.get(query);
      const counts = json.data.map((event: { count: number }) => event.count);
      expect(counts.reduce((sum: number, count: number) => sum + count, 0)).toBe(failures);
      expect(json.data[0].details).toMatchObject({ rule: 'sealed_value_does_not_open' });
    });
  });

  it("lend one person's second factor to nobody else", async () => {
    const [victim, attacker] = [await registerOwner(app.http), await registerOwner(app.http)];
    await enableTwoFactor(app, victim.http);
    const phone = await enableTwoFactor(app, attacker.http);
    const table = (
      await app.database.sql(
        `SELECT table_name FROM information_schema.columns WHERE column_name = 'sealed' AND table_name LIKE '%factor%'`,
      )
    )[0].table_name;
    await put(`${table}.sealed`, ofUser(victim), await bytesOf(`${table}.sealed`, ofUser(attacker)));
    const answer = await victim.http.post('/v1/auth/step-up', { code: phone.next() });
    expect([answer.status, answer.json.error.code]).toEqual([500, 'INTERNAL']);
    await eventually(async () => {
      const { json } = await victim.http.get('/v1/security-events?type=suspicious_activity');
      expect(json.data[0]).toMatchObject({ severity: 'critical', userId: victim.userId });
    });
  });
});

import { createHmac, randomBytes } from 'node:crypto';
import { type Account, freshAddress, PASSWORD, registerOwner } from '../harness/accounts.js';
import type { Answer } from '../harness/http-client.js';
import { addMember } from '../harness/members.js';
import { inAQuietMoment } from '../harness/quiet-moment.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const LIMIT_MS = 1000;
const SECRET = randomBytes(48).toString('hex');
const NEXT_SECRET = randomBytes(48).toString('hex');

const code = (answer: Answer): string => `${answer.status} ${answer.json.error?.code ?? 'ok'}`;
const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const sign = (header: object, claims: object, secret: string): string => {
  const text = `${part(header)}.${part(claims)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
};
const read = (token: string): { header: any; claims: any } => {
  const [header, claims] = token
    .split('.', 2)
    .map((text) => JSON.parse(Buffer.from(text, 'base64url').toString()));
  return { header, claims };
};
const me = (app: TestApp, token: string): Promise<Answer> =>
  app.http.get('/v1/auth/me', { headers: { authorization: `Bearer ${token}` } });
/** A route that asks nothing but the principal's cache about the caller; `/me` looks the member up itself. */
const use = (app: TestApp, token: string): Promise<Answer> =>
  app.http.get('/v1/clients', { headers: { authorization: `Bearer ${token}` } });

describe('access tokens', () => {
  let one: TestApp;
  let two: TestApp;
  let rotated: TestApp;
  beforeAll(async () => {
    const env = { JWT_SECRET: SECRET, ANONYMOUS_RATE_LIMIT: '10000/900' };
    one = await startTestApp({ env });
    two = await startTestApp({ env, database: one.database });
    rotated = await startTestApp({
      env: { ...env, JWT_SECRET: NEXT_SECRET, JWT_PREVIOUS_SECRETS: SECRET },
      database: one.database,
    });
  });
  afterAll(async () => {
    for (const app of [rotated, two, one]) await app.close();
  });

  /** Both instances have the token in their caches before it ends. */
  const expectEnded = async (token: string, end: () => Promise<unknown>): Promise<void> => {
    for (const app of [one, two]) expect((await use(app, token)).status).toBe(200);
    await end();
    const deadline = Date.now() + LIMIT_MS;
    for (const app of [two, one]) {
      let answer = await use(app, token);
      while (answer.status === 200 && Date.now() < deadline) answer = await use(app, token);
      expect(code(answer)).toBe('401 UNAUTHENTICATED');
    }
  };
  const sql = (text: string, values: string[]) => one.database.sql(text, values);
  it.each([
    ['logout', (person: Account) => person.http.post('/v1/auth/logout')],
    [
      'a session ended from the list',
      async (person: Account) => {
        const { json } = await person.http.get('/v1/auth/sessions');
        await person.http.delete(`/v1/auth/sessions/${json.data[0].id}`);
      },
    ],
    ['logout everywhere', (person: Account) => person.http.post('/v1/auth/logout-all')],
    [
      'a changed role',
      (person: Account) => sql(`UPDATE memberships SET role = 'agent' WHERE user_id = $1`, [person.userId]),
    ],
    [
      'removal from the team',
      (person: Account) => sql('DELETE FROM memberships WHERE user_id = $1', [person.userId]),
    ],
    [
      'a disabled account',
      (person: Account) => sql('UPDATE users SET disabled_at = now() WHERE id = $1', [person.userId]),
    ],
    [
      'a deleted session',
      (person: Account) => sql('DELETE FROM sessions WHERE user_id = $1', [person.userId]),
    ],
  ])('stop working within a second on a second instance after %s', (_name, revoke) =>
    inAQuietMoment(async () => {
      const person = await registerOwner(one.http);
      await expectEnded(person.accessToken, () => revoke(person));
    }),
  );

  it.each([
    ['changed role', (owner: Account, path: string) => owner.http.patch(path, { role: 'viewer' })],
    ['removal from the team', (owner: Account, path: string) => owner.http.delete(path)],
  ])('stop working within a second on a second instance after a %s by an owner', (_name, act) =>
    inAQuietMoment(async () => {
      const owner = await registerOwner(one.http);
      const agent = await addMember(one, owner, 'agent');
      await expectEnded(agent.accessToken, async () => {
        expect(code(await act(owner, `/v1/team/members/${agent.userId}`))).toBe('200 ok');
      });
      expect((await me(two, owner.accessToken)).status).toBe(200);
    }),
  );

  it('of other sessions stop working within a second on a second instance after a new password', () =>
    inAQuietMoment(async () => {
      const person = await registerOwner(one.http);
      const login = { email: person.email, password: PASSWORD };
      const other = await two.http.post('/v1/auth/login', login, { from: freshAddress() });
      const change = { currentPassword: PASSWORD, newPassword: 'another plain but long passphrase' };
      await expectEnded(other.json.data.accessToken, async () => {
        expect(code(await person.http.post('/v1/auth/password', change))).toBe('200 ok');
      });
      expect((await me(two, person.accessToken)).status).toBe(200);
    }));

  it('survive the rotation of the signing key, and new ones carry the new kid', async () => {
    const person = await registerOwner(one.http);
    expect((await me(rotated, person.accessToken)).status).toBe(200);
    const later = await registerOwner(rotated.http);
    expect(read(later.accessToken).header.kid).not.toBe(read(person.accessToken).header.kid);
    expect(code(await me(one, later.accessToken))).toBe('401 UNAUTHENTICATED');
  });

  it('are refused when forged in any known way', async () => {
    const person = await registerOwner(one.http);
    const { header, claims } = read(person.accessToken);
    const [head, body, signature] = person.accessToken.split('.');
    const other = await registerOwner(one.http);
    expect((await me(one, sign(header, claims, SECRET))).status).toBe(200);
    const past = Math.floor(Date.now() / 1000) - 10;
    const forged: Record<string, string> = {
      'alg none': `${part({ ...header, alg: 'none' })}.${body}.`,
      'alg None with the signature': `${part({ ...header, alg: 'None' })}.${body}.${signature}`,
      'another algorithm': sign({ ...header, alg: 'HS512' }, claims, SECRET),
      'a key of its own': sign({ ...header, jwk: { kty: 'oct', k: 'AA' } }, claims, 'AA'),
      'an empty key': sign(header, claims, ''),
      'the kid as the key': sign(header, claims, header.kid),
      'an unknown kid': sign({ ...header, kid: 'nobody' }, claims, SECRET),
      'a path as kid': sign({ ...header, kid: '../../dev/null' }, claims, ''),
      'a kid of the prototype': sign({ ...header, kid: '__proto__' }, claims, SECRET),
      'no kid': sign({ alg: 'HS256', typ: header.typ }, claims, SECRET),
      'another typ': sign({ ...header, typ: 'JWT' }, claims, SECRET),
      'another audience': sign(header, { ...claims, aud: 'other-api' }, SECRET),
      'another issuer': sign(header, { ...claims, iss: 'other' }, SECRET),
      'another user': sign(header, { ...claims, sub: other.userId }, SECRET),
      'another team': sign(header, { ...claims, team: other.teamId }, SECRET),
      'another role': sign(header, { ...claims, role: 'admin' }, SECRET),
      'another session': sign(header, { ...claims, sid: read(other.accessToken).claims.sid }, SECRET),
      'objects for ids': sign(header, { ...claims, sid: { $ne: '' }, team: [claims.team] }, SECRET),
      'changed claims': `${head}.${part({ ...claims, role: 'owner', extra: 1 })}.${signature}`,
      'no signature': `${head}.${body}.`,
      'a refresh token': person.cookie.split('=')[1],
      nothing: '..',
    };
    for (const [name, token] of Object.entries(forged)) {
      expect([name, code(await me(one, token))]).toEqual([name, '401 UNAUTHENTICATED']);
    }
    expect(code(await me(one, sign(header, { ...claims, exp: past }, SECRET)))).toBe('401 TOKEN_EXPIRED');
    expect((await me(one, person.accessToken)).status).toBe(200);
  });
});

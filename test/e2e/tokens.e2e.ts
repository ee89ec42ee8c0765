import { createHmac } from 'node:crypto';
import { type Account, registerOwner } from '../harness/accounts.js';
import type { Answer } from '../harness/http-client.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const SECRET = '0123456789abcdef'.repeat(5);

interface Parts {
  readonly header: Record<string, unknown>;
  readonly payload: Record<string, unknown>;
}

describe('access tokens', () => {
  let app: TestApp;
  let owner: Account;
  let good: Parts;

  beforeAll(async () => {
    app = await startTestApp({ env: { JWT_SECRET: SECRET } });
    owner = await registerOwner(app.http);
    const [header, payload] = owner.accessToken.split('.');
    good = { header: decode(header), payload: decode(payload) };
  });
  afterAll(() => app?.close());

  const send = (token: string): Promise<Answer> =>
    app.http.get('/v1/auth/me', { headers: { authorization: `Bearer ${token}` } });

  async function expectRefused(token: string): Promise<void> {
    const answer = await send(token);
    expect([answer.status, answer.json.success]).toEqual([401, false]);
    expect(['UNAUTHENTICATED', 'TOKEN_EXPIRED']).toContain(answer.json.error.code);
  }

  it('that we made are taken, also when the test signs the same words: the refusals below mean something', async () => {
    expect((await send(owner.accessToken)).status).toBe(200);
    expect((await send(signed(good.header, good.payload, SECRET))).status).toBe(200);
  });

  it('signed with another secret are 401', () =>
    expectRefused(signed(good.header, good.payload, `${SECRET}x`)));

  it.each(['none', 'None', 'NONE', ''])('without a signature, alg "%s", are 401', async (alg) => {
    const unsigned = `${encode({ ...good.header, alg })}.${encode(good.payload)}.`;
    await expectRefused(unsigned);
    await expectRefused(unsigned + owner.accessToken.split('.')[2]);
  });

  it.each(['HS384', 'HS512', 'RS256'])('signed with another algorithm, %s, are 401', async (alg) => {
    const digest = alg === 'HS384' ? 'sha384' : 'sha512';
    await expectRefused(signed({ ...good.header, alg }, good.payload, SECRET, digest));
  });

  it.each([
    ['another audience', { aud: 'another-api' }],
    ['no audience', { aud: undefined }],
    ['another issuer', { iss: 'somebody' }],
    ['an end in the past', { exp: 1_700_000_000, iat: 1_699_999_000 }],
    ['a beginning in the future', { nbf: 4_000_000_000 }],
    ["another person's sub", { sub: '01981f5a-7b6e-7c3d-9a51-2f8f6e0b4c11' }],
    ['a session that never was', { sid: '01981f5a-7b6e-7c3d-9a51-2f8f6e0b4c11' }],
    ['another team', { team: '01981f5a-7b6e-7c3d-9a51-2f8f6e0b4c11' }],
    ['a stronger or weaker role than the membership has', { role: 'admin' }],
    ['ids that are none', { team: "' OR 1=1", sid: '*' }],
  ])('with %s are 401', (_what, claims) =>
    expectRefused(signed(good.header, { ...good.payload, ...claims }, SECRET)),
  );

  it('without an end are 401', () =>
    expectRefused(signed(good.header, { ...good.payload, exp: undefined }, SECRET)));

  it.each([
    ['another typ', { typ: 'JWT' }],
    ['no typ', { typ: undefined }],
    ['an unknown kid', { kid: 'unknown-kid1' }],
    ['no kid', { kid: undefined }],
    ['a kid that is a path', { kid: '../../dev/null' }],
    ['a kid that is no text', { kid: ['a'] }],
  ])('with %s in the header are 401', (_what, change) =>
    expectRefused(signed({ ...good.header, ...change }, good.payload, SECRET)),
  );

  it('changed after signing, cut short or no token at all are 401', async () => {
    const [header, payload, signature] = owner.accessToken.split('.');
    const promoted = encode({ ...good.payload, role: 'owner', extra: true });
    for (const token of [
      `${header}.${promoted}.${signature}`,
      `${header}.${payload}`,
      `${header}.${payload}.`,
      'a.b.c',
      '..',
      '{}',
      'x'.repeat(5000),
    ]) {
      await expectRefused(token);
    }
  });

  it('are not taken from the query string, a cookie or another scheme', async () => {
    const { accessToken } = owner;
    const answers = [
      app.http.get(`/v1/auth/me?access_token=${accessToken}`),
      app.http.get('/v1/auth/me', { headers: { cookie: `access_token=${accessToken}` } }),
      app.http.get('/v1/auth/me', { headers: { authorization: `Basic ${accessToken}` } }),
      app.http.get('/v1/auth/me', { headers: { authorization: accessToken } }),
    ];
    for (const { status } of await Promise.all(answers)) expect(status).toBe(401);
  });
});

function signed(header: object, payload: object, secret: string, digest = 'sha256'): string {
  const text = `${encode(header)}.${encode(payload)}`;
  return `${text}.${createHmac(digest, secret).update(text).digest('base64url')}`;
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

function decode(part: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(part, 'base64url').toString());
}

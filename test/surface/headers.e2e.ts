import { connect } from 'node:net';
import type { Answer } from '../harness/http-client.js';
import { createTestDatabase, startTestApp, type TestApp, type TestDatabase } from '../harness/test-app.js';
import { type Route, RouteTable } from '../../src/platform/http/route-table.js';

const EVERYWHERE = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'strict-origin-when-cross-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
  'x-xss-protection': '0',
};
const HSTS = 'max-age=31536000; includeSubDomains';
const LIMITS = { ANONYMOUS_RATE_LIMIT: '9000000/900' };
const ID = '01981f5a-7b6e-7c3d-9a51-2f8f6e0b4c11';

/** Every route, unmatched paths, and bodies that cannot be read. */
async function everyAnswer(app: TestApp): Promise<[string, Answer][]> {
  const routes: readonly Route[] = app.app.get(RouteTable).all();
  const answers: [string, Answer][] = [];
  const add = async (label: string, answer: Promise<Answer>): Promise<void> => {
    answers.push([label, await answer]);
  };
  for (const { method, path } of routes) {
    const url = path.replace(/\{[^}]+\}/g, ID);
    await add(`${method} ${path}`, app.http.send(method, url, method === 'GET' ? {} : { body: {} }));
    if (method === 'POST')
      await add(`${method} ${path}, broken`, app.http.send(method, url, { raw: '{"a":' }));
  }
  for (const path of ['/nothing', '/v1', '/v1/nothing', '/%76%31/clients', '//v1/clients']) {
    await add(`GET ${path}`, app.http.get(path));
    await add(`PUT ${path}`, app.http.send('PUT', path, { body: {} }));
  }
  await add('GET /v1/clients?limit=-1', app.http.get('/v1/clients?limit=-1'));
  return answers;
}

function named(app: TestApp, id: string): Promise<Answer> {
  return app.http.get('/healthz', { headers: { 'x-request-id': id } });
}

describe('security headers', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await startTestApp({ env: LIMITS });
  });
  afterAll(() => app?.close());

  it('are on every route, 404 and malformed body, with a request id', async () => {
    for (const [label, answer] of await everyAnswer(app)) {
      expect([label, answer.headers]).toEqual([label, expect.objectContaining(EVERYWHERE)]);
      expect([label, answer.headers['x-request-id']]).toEqual([
        label,
        expect.stringMatching(/^[\w.-]{1,64}$/),
      ]);
      expect([label, answer.headers['strict-transport-security']]).toEqual([label, undefined]);
      expect([label, answer.headers['x-powered-by'] ?? answer.headers.server]).toEqual([label, undefined]);
    }
  });

  it('forbid keeping any answer of the API, however its path is written', async () => {
    for (const [label, answer] of await everyAnswer(app)) {
      if (!/\/v1|%76/.test(label)) continue;
      expect([label, answer.headers['cache-control']]).toEqual([label, 'no-store']);
      expect([label, answer.headers['ratelimit-limit']]).toEqual([label, '9000000']);
    }
  });

  it('keep a well-formed request id, and replace any other', async () => {
    expect((await named(app, 'Trace.01_a-b')).headers['x-request-id']).toBe('Trace.01_a-b');
    for (const bad of ['a'.repeat(65), 'a b', 'a"b', '<script>', 'ä']) {
      expect((await named(app, bad)).headers['x-request-id']).not.toBe(bad);
    }
  });

  it.each([
    [
      'headers beyond the limit',
      `GET /v1/clients HTTP/1.1\r\nhost: a\r\nx-big: ${'a'.repeat(100_000)}\r\n\r\n`,
    ],
    ['a line that is no HTTP', 'HELLO\r\n\r\n'],
    ['a space in the path', 'GET /v1/ clients HTTP/1.1\r\nhost: a\r\n\r\n'],
    [
      'two lengths',
      'POST /v1/clients HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}',
    ],
    [
      'a length and chunks',
      'POST /v1/clients HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
  ])('are on what the parser itself refuses: %s', async (_what, text) => {
    const answer = await rawAnswer(app.port, text);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('"success":false,"error":{"code":"VALIDATION_FAILED"');
    for (const [name, value] of Object.entries(EVERYWHERE)) expect(answer).toContain(`${name}: ${value}\r\n`);
  });
});

/** What comes back for these bytes, until the server ends the connection. */
function rawAnswer(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.on('close', () => resolve(answer)).on('error', reject);
  });
}

describe('security headers in production', () => {
  let app: TestApp;
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = await startTestApp({
      database,
      env: {
        ...LIMITS,
        NODE_ENV: 'production',
        DATABASE_URL: database.appUrl,
        DATABASE_MIGRATION_URL: database.ownerUrl,
        PUBLIC_BASE_URL: 'https://api.example.com',
      },
    });
  });
  afterAll(async () => {
    await app?.close();
    await database.drop();
  });

  it('add HSTS and a strict policy: nothing for the API, no inline script for pages', async () => {
    for (const [label, answer] of await everyAnswer(app)) {
      expect([label, answer.headers]).toEqual([label, expect.objectContaining(EVERYWHERE)]);
      expect([label, answer.headers['strict-transport-security']]).toEqual([label, HSTS]);
      const policy = String(answer.headers['content-security-policy']);
      expect([label, policy]).toEqual([label, expect.stringContaining("frame-ancestors 'none'")]);
      expect([label, policy]).toEqual([label, expect.not.stringMatching(/unsafe-|\*|http:/)]);
      if (/\/v1|nothing|%76/.test(label)) {
        expect([label, policy]).toEqual([label, expect.stringContaining("default-src 'none'")]);
      }
    }
  });

  it('add them to what the parser itself refuses', async () => {
    const answer = await rawAnswer(app.port, 'HELLO\r\n\r\n');
    const all = { ...EVERYWHERE, 'cache-control': 'no-store', 'strict-transport-security': HSTS };
    for (const [name, value] of Object.entries(all)) expect(answer).toContain(`${name}: ${value}\r\n`);
    expect(answer).toContain("content-security-policy: default-src 'none'; frame-ancestors 'none'\r\n");
  });
});

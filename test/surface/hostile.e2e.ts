import { gzipSync } from 'node:zlib';
import type { Route } from '../../src/platform/http/route-table.js';
import { freshAddress } from '../harness/accounts.js';
import { exampleBody } from '../harness/example-body.js';
import type { Answer, Call } from '../harness/http-client.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';
import { labelOf, operationOf, startSurface, type Surface } from './surface.js';

const ID = '01981f5a-7b6e-7c3d-9a51-2f8f6e0b4c11';
const TWO_MEGABYTES = 2 * 1024 * 1024;
const WRONG_VALUES: [string, unknown][] = [
  ['an array', ['a']],
  ['an object', { $ne: '' }],
  ['a NUL byte', 'a\u0000b'],
  ['an unpaired surrogate', '\ud800'],
  ['a number', 1e308],
  ['null', null],
  ['an empty text', ''],
  ['a text beyond all bounds', 'x'.repeat(200_000)],
];

function url(route: Route, id = ID): string {
  return route.path.replace(/\{[^}]+\}/g, id);
}

/** A refusal of the contract, and nothing inside it but what the client may know. */
function expectRefusal(label: string, answer: Answer, statuses: number[]): void {
  if (!statuses.includes(answer.status)) {
    throw new Error(
      `${label}: ${answer.status} instead of ${statuses.join('/')}: ${answer.text.slice(0, 300)}`,
    );
  }
  expect([label, answer.json?.success]).toEqual([label, false]);
  expect(answer.text).not.toMatch(/node_modules|SELECT |at \w+\.|pg_|Syntax/);
}

/** Every route, attacked by an owner who may do everything: what holds here holds for lesser callers. */
describe('hostile input', () => {
  let surface: Surface;
  let withBody: Route[];

  beforeAll(async () => {
    surface = await startSurface();
    // Ending one's own session would make every later answer 401.
    const suicidal = /\/logout|\/auth\/sessions|\/team\/members|\/platform\//;
    withBody = surface.routes.filter(
      (route) => route.method !== 'GET' && route.documented && !suicidal.test(route.path),
    );
  });
  afterAll(() => surface?.app.close());

  const send = (route: Route, call: Call, path = url(route)): Promise<Answer> =>
    surface.owner.http.send(route.method, path, call);
  const takesJson = (route: Route): boolean =>
    operationOf(surface, route).requestBody?.content?.['application/json'] !== undefined;

  it('malformed JSON, and bodies of another type, are 400 and 415', async () => {
    for (const route of withBody) {
      for (const raw of [
        '{"a":',
        '{"a":1}}',
        '\u0000',
        '{"__proto__":{"a":1}}',
        '{"constructor":{"prototype":{}}}',
      ]) {
        expectRefusal(`${labelOf(route)} ${raw}`, await send(route, { raw }), [400, 415]);
      }
      for (const type of [
        'text/xml',
        'application/x-www-form-urlencoded',
        'text/plain',
        'application/jsonx',
        ';',
        'a',
      ]) {
        const call = { raw: '<a/>', headers: { 'content-type': type } };
        expectRefusal(`${labelOf(route)} ${type}`, await send(route, call), [400, 415]);
      }
    }
  });

  it('bodies of 2 MB are 413; compressed ones and foreign charsets are refused', async () => {
    const raw = JSON.stringify({ a: 'x'.repeat(TWO_MEGABYTES) });
    const zipped = gzipSync('{}');
    for (const route of withBody) {
      const label = labelOf(route);
      if (takesJson(route)) expectRefusal(label, await send(route, { raw }), [413]);
      const gzip = await send(route, { raw: zipped, headers: { 'content-encoding': 'gzip' } });
      expectRefusal(`${label} gzip`, gzip, [400, 415]);
    }
  });

  it('JSON that is no object, and unknown fields, are 400', async () => {
    const taken: string[] = [];
    for (const route of withBody.filter(takesJson)) {
      for (const raw of ['[]', '"a"', '1', 'true', '[{"a":1}]']) {
        expectRefusal(`${labelOf(route)} ${raw}`, await send(route, { raw }), [400]);
      }
      const operation = operationOf(surface, route);
      const body = exampleBody(surface.document, operation);
      const schema = operation.requestBody.content['application/json'].schema.$ref?.split('/').pop();
      const known = surface.document.components.schemas[schema].properties ?? {};
      for (const field of ['teamId', 'id', 'createdBy', 'role_', 'isAdmin', 'hasOwnProperty', 'toString']) {
        if (Object.hasOwn(known, field)) {
          taken.push(`${labelOf(route)} ${field}`);
          continue;
        }
        const answer = await send(route, { body: { ...body, [field]: ID } });
        expectRefusal(`${labelOf(route)} ${field}`, answer, [400]);
      }
    }
    // Somebody in several teams chooses one; nowhere else does a body say whose team it is about.
    expect(taken).toEqual(['POST /v1/auth/login teamId']);
  });

  it('values of the wrong kind in every field of every body are 400', async () => {
    for (const route of withBody.filter(takesJson)) {
      const operation = operationOf(surface, route);
      const body = exampleBody(surface.document, operation, { full: true });
      const name = operation.requestBody.content['application/json'].schema.$ref?.split('/').pop();
      const schema = surface.document.components.schemas[name];
      for (const [field, rules] of Object.entries<any>(schema?.properties ?? {})) {
        for (const [what, value] of WRONG_VALUES) {
          const answer = await send(route, { body: { ...body, [field]: value } });
          const label = `${labelOf(route)} ${field} is ${what}`;
          if (answer.status >= 500) throw new Error(`${label}: ${answer.status} ${answer.text}`);
          const isText = [rules.type].flat().includes('string');
          if (isText && typeof value === 'object' && value !== null) expectRefusal(label, answer, [400]);
        }
      }
    }
  });

  it('ids that are none are 400, never a lookup', async () => {
    const ids = [
      '1',
      "'%20OR%201=1",
      '%00',
      '..%2f..',
      ID.slice(1),
      `${ID}a`,
      '%F0%9F%92%A9',
      '*',
      '{id}',
      'null',
    ];
    const routes = surface.routes.filter((route) => /\{(id|[a-z]+Id)\}/.test(route.path) && route.documented);
    for (const route of routes) {
      for (const id of ids) {
        const answer = await send(route, route.method === 'GET' ? {} : { body: {} }, url(route, id));
        // 403: what the role may not do at all is refused before any id is looked at.
        expectRefusal(`${labelOf(route)} ${id}`, answer, [400, 403, 404]);
      }
    }
  });

  it('parameters that are negative, huge, repeated, nested or unknown are 400', async () => {
    const queries = [
      'limit=-1',
      'limit=0',
      'limit=101',
      'limit=1e3',
      'limit=NaN',
      'limit[]=1',
      'limit=1&limit=2',
    ];
    const odd = ['a[$ne]=1', '__proto__[a]=1', 'constructor=1', 'unknown=1', 'cursor=x', 'cursor[$ne]=1'];
    const lists = surface.routes.filter((route) => {
      const parameters: any[] = operationOf(surface, route)?.parameters ?? [];
      return route.method === 'GET' && parameters.some((each) => each.name === 'limit');
    });
    expect(lists.length).toBeGreaterThan(3);
    for (const route of lists) {
      const parameters: any[] = operationOf(surface, route).parameters;
      const own = parameters
        .filter((each) => each.in === 'query')
        .flatMap(({ name }) => [`${name}[$ne]=1`, `${name}=%00`, `${name}=a&${name}=b`]);
      for (const query of [...queries, ...odd, ...own]) {
        const answer = await send(route, {}, `${url(route)}?${query}`);
        // 403: lists that are not for owners of teams.
        expectRefusal(`${labelOf(route)}?${query}`, answer, [400, 403]);
      }
    }
  });

  it('a path written in another way is the same route with the same checks, or no route', async () => {
    const secret = (await surface.owner.http.get('/v1/clients')).text;
    for (const path of [
      '/v1/%63lients',
      '/%76%31/clients',
      '//v1/clients',
      '/v1//clients',
      '/v1/clients/',
      '/v1/clients;x',
      '/v1/clients;a=b',
      '/v1/./clients',
      '/v1/x/../clients',
      '/v1/clients%2f',
      '/v1/clients%00',
      '/V1/CLIENTS',
      '/v1/clients?',
      '/v1/clients/%2e%2e/clients',
      '/v1\\clients',
      'http://example.com/v1/clients',
    ]) {
      const answer = await surface.http.get(path);
      expectRefusal(path, answer, [400, 401, 404]);
      expect(answer.text).not.toBe(secret);
    }
  });

  it('methods are what the request line says: no HEAD, TRACE or override opens anything', async () => {
    const list = surface.routes.filter((route) => route.path === '/v1/clients');
    expect(list.length).toBeGreaterThan(0);
    for (const method of ['HEAD', 'PUT', 'TRACE', 'PROPFIND', 'LOCK']) {
      expect([method, (await surface.http.send(method, '/v1/clients')).status]).toEqual([method, 404]);
    }
    const headers = {
      'x-http-method-override': 'DELETE',
      'x-method-override': 'DELETE',
      'x-http-method': 'DELETE',
    };
    const created = await surface.owner.http.post('/v1/clients', { firstName: 'Jordan' }, { headers });
    expect(created.status).toBe(201);
    const path = `/v1/clients/${created.json.data.id}`;
    await surface.owner.http.get(`${path}?_method=DELETE`, { headers });
    expect((await surface.owner.http.get(path)).status).toBe(200);
  });
});

describe('a flood', () => {
  const LIMIT = 20;
  let app: TestApp;

  beforeAll(async () => {
    app = await startTestApp({ env: { ANONYMOUS_RATE_LIMIT: `${LIMIT}/900` } });
  });
  afterAll(() => app?.close());

  it.each<[string, string, string, Call]>([
    ['unmatched paths', 'GET', '/nothing', {}],
    ['unmatched paths of the API', 'GET', '/v1/nothing', {}],
    ['encoded paths', 'GET', '/%76%31/clients', {}],
    ['broken bodies', 'POST', '/v1/auth/login', { raw: '{"a":' }],
    ['wrong types', 'POST', '/v1/auth/login', { raw: '<a/>', headers: { 'content-type': 'text/xml' } }],
    ['bad tokens', 'GET', '/v1/clients', { headers: { authorization: 'Bearer a.b.c' } }],
    ['bad keys', 'GET', '/v1/clients', { headers: { 'x-api-key': 'lk_live_x' } }],
    ['unmatched paths with a credential', 'GET', '/v1/nothing', { headers: { 'x-api-key': 'lk_live_x' } }],
    [
      'broken bodies with a credential',
      'POST',
      '/v1/clients',
      { raw: '{', headers: { authorization: 'Bearer x' } },
    ],
  ])('of %s is limited like any other: 429 with Retry-After', async (_what, method, path, call) => {
    const from = freshAddress();
    for (let sent = 0; sent < LIMIT; sent++) {
      const { status } = await app.http.send(method, path, { ...call, from });
      expect(status).toBeLessThan(429);
    }
    const refused = await app.http.send(method, path, { ...call, from });
    expect(refused.status).toBe(429);
    expect(refused.json.error.code).toBe('RATE_LIMIT');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(refused.headers['ratelimit-remaining']).toBe('0');
  });
});

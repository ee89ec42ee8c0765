import { request, type IncomingMessage } from 'node:http';
import { type Account, freshAddress, registerOwner } from '../harness/accounts.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const LIMIT = 20;

interface Odd {
  status: number;
  headers: IncomingMessage['headers'];
  json: { error: { code: string; requestId: string; details?: { field: string }[] } };
}

describe('paths that no route can mean', () => {
  let app: TestApp;
  let owner: Account;
  beforeAll(async () => {
    app = await startTestApp({ env: { ANONYMOUS_RATE_LIMIT: `${LIMIT}/900` } });
    owner = await registerOwner(app.http);
  });
  afterAll(() => app.close());

  /** Byte by byte as given: `fetch` would mend the path. */
  const get = (path: string, from: string, headers: Record<string, string> = {}): Promise<Odd> =>
    new Promise((resolve, reject) => {
      const take = (answer: IncomingMessage): void => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part: string) => (text += part));
        answer.on('end', () => {
          const { statusCode = 0 } = answer;
          resolve({ status: statusCode, headers: answer.headers, json: JSON.parse(text) as Odd['json'] });
        });
      };
      const where = { host: '127.0.0.1', port: app.port, localAddress: from, path, headers, agent: false };
      request(where, take).on('error', reject).end();
    });

  it.each([
    ['a stray percent sign', '/%zz'],
    ['bytes that are no UTF-8', '/v1/clients-%ff'],
    ['half an escape', '/v1/%7'],
    ['a stray percent sign and a query', '/%zz?q=%zz'],
    ['a whole address of no port', 'http://a.example:99999/nothing'],
    ['a whole address of no host', 'http://%zz/nothing'],
    ['a whole address with half a bracket', 'http://[::1/nothing'],
    ['a whole address with a fragment', 'http://a.example/nothing#a'],
  ])('answer %s like any unknown path, and leave a line in the log', async (_name, path) => {
    const { status, headers, json } = await get(path, freshAddress());
    expect([status, json.error.code]).toEqual([404, 'NOT_FOUND']);
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['x-request-id']).toBe(json.error.requestId);
    expect(app.logged()).toContain(json.error.requestId);
  });

  it.each([
    ['a stray percent sign', '%zz'],
    ['bytes that are no UTF-8', '%c3%28'],
    ['more than any id', 'a'.repeat(3000)],
  ])('name the parameter that holds %s', async (_name, id) => {
    const authorization = `Bearer ${owner.accessToken}`;
    const known = await get('/v1/clients/not-an-id', freshAddress(), { authorization });
    const odd = await get(`/v1/clients/${id}`, freshAddress(), { authorization });
    expect(odd.status).toBe(known.status);
    expect(odd.json.error).toEqual({ ...known.json.error, requestId: odd.json.error.requestId });
  });

  it.each([
    ['undecodable', '/%zz'],
    ['endless', `/v1/clients/${'a'.repeat(200)}`],
  ])('count %s ones against the anonymous limit', async (_name, path) => {
    const from = freshAddress();
    const statuses: number[] = [];
    for (let n = 0; n < LIMIT + 2; n++) statuses.push((await get(path, from)).status);
    expect(statuses.slice(0, LIMIT)).not.toContain(429);
    expect(statuses.slice(LIMIT)).toEqual([429, 429]);
  });

  it('hide no trap: what a scanner adds to its paths does not help it', async () => {
    const from = freshAddress();
    for (const path of ['/.env/%zz', '/%2egit/%ff', 'http://a.example/phpmyadmin/']) await get(path, from);
    expect((await get('/v1/clients', from)).status).toBe(403);
  });

  it('do not let in an address that is blocked', async () => {
    const from = freshAddress();
    await app.http.post('/v1/admin/backdoor', {}, { from });
    const ordinary = await get('/v1/clients', from);
    const odd = await get('/%zz', from);
    expect([odd.status, odd.json.error.code]).toEqual([ordinary.status, ordinary.json.error.code]);
    expect(odd.status).toBe(403);
  });
});

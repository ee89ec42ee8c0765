import { randomUUID } from 'node:crypto';
import { generateApiKey } from '../../src/identity/api-keys/api-key-format.js';
import { SCOPES } from '../../src/identity/scopes/scope-catalogue.js';
import type { Route } from '../../src/platform/http/route-table.js';
import { createKey, freshAddress } from '../harness/accounts.js';
import { exampleBody } from '../harness/example-body.js';
import type { Answer } from '../harness/http-client.js';
import { labelOf, operationOf, startSurface, type Surface } from './surface.js';

/** Routes that touch a second resource ask for its scope too, inside; written down here so that none is added unseen. */
const FURTHER_SCOPES: Readonly<Record<string, readonly string[]>> = {
  'POST /v1/leads/{id}/convert': ['clients:write'],
  'POST /v1/leads/{id}/merge': ['leads:delete'],
};

/** Every route of the application, whatever its state, and every state an API key can be in. */
describe('every route answers an API key by its state', () => {
  const grantable = SCOPES.filter((each) => each.grantableToKeys).map((each) => each.scope);
  let surface: Surface;
  let closed: Route[];
  /** A key with these scopes; one per set. */
  const keys = new Map<string, string>();

  beforeAll(async () => {
    surface = await startSurface();
    closed = surface.routes.filter((route) => route.access.kind !== 'public' && route.documented);
  });
  afterAll(() => surface.app.close());

  it('knows the routes: the table is not empty, and keys reach most of them', () => {
    expect(closed.length).toBeGreaterThan(30);
    expect(closed.filter(isOpenToKeys).length).toBeGreaterThan(15);
  });

  it('no key: 401 UNAUTHENTICATED', async () => {
    await everyRoute(async (route) => outcome(await call(route, null)), '401 UNAUTHENTICATED');
  });

  it('wrong checksum: 401 UNAUTHENTICATED', async () => {
    const { key } = await createKey(surface.owner, grantable);
    const typo = key.slice(0, -1) + (key.endsWith('a') ? 'b' : 'a');
    await everyRoute(async (route) => outcome(await call(route, typo)), '401 UNAUTHENTICATED');
  });

  it('unknown key: 401 UNAUTHENTICATED', async () => {
    const { key } = generateApiKey('live');
    await everyRoute(async (route) => outcome(await call(route, key)), '401 UNAUTHENTICATED');
  });

  it('right id, wrong secret: 401 UNAUTHENTICATED', async () => {
    const made = generateApiKey('live');
    const { id } = await createKey(surface.owner, grantable);
    await surface.database.sql('UPDATE api_keys SET public_id = $2 WHERE id = $1', [id, made.id]);
    await everyRoute(async (route) => outcome(await call(route, made.key)), '401 UNAUTHENTICATED');
  });

  it('expired key: 401 API_KEY_EXPIRED', async () => {
    const { id, key } = await createKey(surface.owner, grantable);
    await surface.database.sql('UPDATE api_keys SET expires_at = now() WHERE id = $1', [id]);
    await everyRoute(async (route) => outcome(await call(route, key)), '401 API_KEY_EXPIRED');
  });

  it('revoked key: 401 API_KEY_REVOKED', async () => {
    const { id, key } = await createKey(surface.owner, grantable);
    await surface.owner.http.delete(`/v1/api-keys/${id}`);
    await everyRoute(async (route) => outcome(await call(route, key)), '401 API_KEY_REVOKED');
  });

  it('wrong address: 403 IP_NOT_ALLOWED', async () => {
    const { key } = await createKey(surface.owner, grantable, { allowedIps: ['10.0.0.0/8'] });
    await everyRoute(async (route) => outcome(await call(route, key)), '403 IP_NOT_ALLOWED');
  });

  it('every scope but the right one: 403, naming what is required; routes for people: 403', async () => {
    await everyRoute(async (route) => {
      const scope = scopeOf(route);
      const answer = await call(route, await keyWith(grantable.filter((each) => each !== scope)));
      if (!isOpenToKeys(route)) return answer.status === 403 ? 'as expected' : outcome(answer);
      if (scope === null) return isLetIn(answer) ? 'as expected' : outcome(answer);
      const [required] = answer.json?.error?.details ?? [];
      return outcome(answer) === '403 INSUFFICIENT_SCOPE' && required?.message === scope
        ? 'as expected'
        : `${outcome(answer)} ${JSON.stringify(required)}`;
    }, 'as expected');
  });

  it('the right scope alone: let in; routes for people stay closed to every key', async () => {
    await everyRoute(async (route) => {
      const scope = scopeOf(route);
      const open = isOpenToKeys(route);
      const needed = open && scope !== null ? [scope, ...(FURTHER_SCOPES[labelOf(route)] ?? [])] : grantable;
      const answer = await call(route, await keyWith(needed));
      return isLetIn(answer) === open ? 'as expected' : `${outcome(answer)} ${answer.text.slice(0, 200)}`;
    }, 'as expected');
  });

  it('a key in the query string: 400, on open routes as well', async () => {
    const { key } = await createKey(surface.owner, grantable);
    const wrong: string[] = [];
    for (const route of surface.routes.filter(({ path }) => path.startsWith('/v1/') && !/admin/.test(path))) {
      const answer = await surface.app.http.send(route.method, `${pathOf(route)}?api_key=${key}`, {
        headers: { 'x-api-key': key },
        from: freshAddress(),
      });
      if (answer.status !== 400) wrong.push(`${labelOf(route)}: ${outcome(answer)}`);
    }
    expect(wrong).toEqual([]);
  });

  async function everyRoute(outcomeOf: (route: Route) => Promise<string>, expected: string): Promise<void> {
    const wrong: string[] = [];
    for (const route of closed) {
      const found = await outcomeOf(route);
      if (found !== expected) wrong.push(`${labelOf(route)}: ${found}`);
    }
    expect(wrong).toEqual([]);
  }

  function call(route: Route, key: string | null): Promise<Answer> {
    const headers: Record<string, string> = { 'idempotency-key': randomUUID() };
    if (key !== null) headers['x-api-key'] = key;
    const body =
      route.method === 'GET' ? undefined : exampleBody(surface.document, operationOf(surface, route));
    if (body !== undefined) headers['content-type'] = 'application/json';
    return surface.app.http.send(route.method, pathOf(route), { headers, body, from: freshAddress() });
  }

  async function keyWith(scopes: readonly string[]): Promise<string> {
    const name = scopes.join(' ');
    const key = keys.get(name) ?? (await createKey(surface.owner, [...scopes])).key;
    keys.set(name, key);
    return key;
  }
});

function scopeOf(route: Route): string | null {
  return route.access.kind === 'scope' ? route.access.scope : null;
}

/** What the declarations promise; that they are the contract's is what permissions.txt is reviewed for. */
function isOpenToKeys(route: Route): boolean {
  if (route.usersOnly || route.access.kind === 'platform') return false;
  const scope = scopeOf(route);
  return scope === null || SCOPES.some((each) => each.scope === scope && each.grantableToKeys);
}

function isLetIn(answer: Answer): boolean {
  return answer.status !== 401 && answer.status !== 403 && answer.status < 500;
}

function outcome(answer: Answer): string {
  return `${answer.status} ${answer.json?.error?.code ?? ''}`.trim();
}

function pathOf(route: Route): string {
  return route.path.replace(/\{[^}]+\}/g, () => randomUUID());
}

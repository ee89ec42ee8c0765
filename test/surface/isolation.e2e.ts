import { v7 as uuidv7 } from 'uuid';
import type { Route } from '../../src/platform/http/route-table.js';
import { type Account, freshAddress, PASSWORD } from '../harness/accounts.js';
import { eventually } from '../harness/eventually.js';
import type { Answer, HttpClient } from '../harness/http-client.js';
import { addMember } from '../harness/members.js';
import { bodyFor, canMake, collectionOf, makeRecord, WITHOUT_RECORD } from './records.js';
import { labelOf, operationOf, startSurface, type Surface } from './surface.js';

describe("another team's records", () => {
  let surface: Surface;
  let routes: Route[];

  beforeAll(async () => {
    surface = await startSurface();
    routes = surface.routes.filter((route) => route.path.includes('{') && route.documented);
  });
  afterAll(() => surface?.app.close());

  it('are behind routes that this test can reach: each has a record, or a reason why not', () => {
    const unreached = routes.filter(
      (route) => !WITHOUT_RECORD[route.path] && !canMake(surface, collectionOf(route.path)),
    );
    expect(unreached.map(labelOf)).toEqual([]);
    expect(routes.length).toBeGreaterThan(5);
  });

  it('answer exactly as records that never were, to an owner and to a key with every scope', async () => {
    const differences: string[] = [];
    for (const route of routes.filter((each) => canMake(surface, collectionOf(each.path)))) {
      const { ids } = await makeRecord(surface, surface.owner, collectionOf(route.path));
      const body = await bodyFor(surface, surface.stranger, route);
      for (const [caller, http] of [
        ['owner', surface.stranger.http],
        ['key', surface.strangerKey],
      ] as const) {
        const foreign = await ask(http, route, ids, body);
        const random = await ask(
          http,
          route,
          ids.map(() => uuidv7()),
          body,
        );
        const { access } = route;
        const keysMay = !route.usersOnly && (access.kind !== 'scope' || surface.keyScopes.has(access.scope));
        const expected = caller === 'key' && !keysMay ? 403 : 404;
        if (foreign.status !== expected || visible(foreign) !== visible(random)) {
          differences.push(`${labelOf(route)} as ${caller}:\n  ${visible(foreign)}\n  ${visible(random)}`);
        }
      }
    }
    expect(differences).toEqual([]);
  });

  it('are there for their own team, so that the refusals mean something', async () => {
    for (const route of routes.filter((each) => each.method === 'GET' && each.path.endsWith('}'))) {
      if (!canMake(surface, collectionOf(route.path))) continue;
      const { ids } = await makeRecord(surface, surface.owner, collectionOf(route.path));
      expect([labelOf(route), (await ask(surface.owner.http, route, ids, undefined)).status]).toEqual([
        labelOf(route),
        200,
      ]);
    }
  });

  it('are not found through a body either', async () => {
    const { ids } = await makeRecord(surface, surface.owner, '/v1/clients');
    const references = surface.routes.filter(
      (route) => route.documented && route.method === 'POST' && !route.path.includes('{'),
    );
    for (const route of references) {
      const schema =
        surface.document.paths[route.path].post.requestBody?.content?.['application/json']?.schema;
      const properties =
        surface.document.components.schemas[schema?.$ref?.split('/').pop()]?.properties ?? {};
      for (const field of Object.keys(properties).filter((name) =>
        /^(client|lead|listing|owner)Id$/.test(name),
      )) {
        const collection = field === 'ownerId' ? null : `/v1/${field.replace('Id', 's')}`;
        if (collection !== null && !canMake(surface, collection)) continue;
        const foreignId =
          collection === null
            ? surface.owner.userId
            : (await makeRecord(surface, surface.owner, collection)).ids[0];
        const body = await bodyFor(surface, surface.stranger, route);
        const foreign = await surface.stranger.http.post(route.path, { ...body, [field]: foreignId });
        const random = await surface.stranger.http.post(route.path, { ...body, [field]: uuidv7() });
        expect([labelOf(route), field, foreign.status, visible(foreign)]).toEqual([
          labelOf(route),
          field,
          404,
          visible(random),
        ]);
      }
    }
    expect(ids).toHaveLength(1);
  });
});

/** Lists that no team can page through, each with the reason. */
const NOT_PAGED_BY_TEAMS: Record<string, string> = {
  '/v1/ip-blocks': 'for platform admins',
  '/v1/platform/security-events': 'for platform admins',
};

describe("another team's cursors", () => {
  let surface: Surface;
  let lists: Route[];

  beforeAll(async () => {
    surface = await startSurface();
    lists = surface.routes.filter((route) => route.method === 'GET' && takesCursor(surface, route));
  });
  afterAll(() => surface?.app.close());

  it('belong to lists each of which is paged here, or has a reason why not', () => {
    const paths = lists.map((route) => route.path);
    expect(Object.keys(NOT_PAGED_BY_TEAMS).filter((path) => !paths.includes(path))).toEqual([]);
    expect(lists.length).toBeGreaterThan(8);
  });

  it('are 400 INVALID_CURSOR in every list, and good for the team that got them', async () => {
    for (const route of lists.filter(({ path }) => !NOT_PAGED_BY_TEAMS[path])) {
      const theirs = await withTwoRows(surface, surface.owner, route);
      const mine = await withTwoRows(surface, surface.stranger, route);
      const { nextCursor } = (await surface.owner.http.get(`${theirs}?limit=1`)).json.meta;
      expect([route.path, typeof nextCursor]).toEqual([route.path, 'string']);
      const query = `?limit=1&cursor=${encodeURIComponent(nextCursor)}`;
      expect([route.path, (await surface.owner.http.get(theirs + query)).status]).toEqual([route.path, 200]);
      const foreign = await surface.stranger.http.get(mine + query);
      const seen = [route.path, foreign.status, foreign.json.error?.code];
      expect(seen).toEqual([route.path, 400, 'INVALID_CURSOR']);
    }
  });
});

function takesCursor(surface: Surface, route: Route): boolean {
  const parameters: { name: string }[] = operationOf(surface, route)?.parameters ?? [];
  return parameters.some(({ name }) => name === 'cursor');
}

/** Address of the list as this account sees it, with two rows at least. */
async function withTwoRows(surface: Surface, account: Account, route: Route): Promise<string> {
  if (route.path.includes('{')) {
    const collection = collectionOf(route.path);
    const { ids } = await makeRecord(surface, account, collection);
    const change = { method: 'PATCH', path: `${collection}/{id}` };
    await account.http.patch(`${collection}/${ids[0]}`, await bodyFor(surface, account, change, true));
    return route.path.replace(/\{[^}]+\}/, ids[0]);
  }
  if (route.path === '/v1/team/members') await addMember(surface.app, account, 'agent');
  else if (route.path === '/v1/security-events') await causeEvents(surface, account);
  else if (canMake(surface, route.path)) {
    for (let rows = 0; rows < 2; rows++) await makeRecord(surface, account, route.path);
  }
  return route.path;
}

/** Two sign-ins; events are written after the answer, so their list is waited for. */
async function causeEvents(surface: Surface, account: Account): Promise<void> {
  const body = { email: account.email, password: PASSWORD };
  for (let times = 0; times < 2; times++) {
    await surface.http.post('/v1/auth/login', body, { from: freshAddress() });
  }
  await eventually(async () => {
    const { data } = (await account.http.get('/v1/security-events')).json;
    expect(data.length).toBeGreaterThan(1);
  });
}

function ask(http: HttpClient, route: Route, ids: readonly string[], body: unknown): Promise<Answer> {
  const values = [...ids];
  const path = route.path.replace(/\{[^}]+\}/g, () => values.shift() ?? uuidv7());
  return http.send(route.method, path, { body });
}

/** Everything a caller can see of an answer but what names this one request. */
function visible(answer: Answer): string {
  const headers = Object.entries(answer.headers)
    .filter(([name]) => !['x-request-id', 'date', 'ratelimit-remaining', 'ratelimit-reset'].includes(name))
    .map(([name, value]) => `${name}: ${String(value)}`);
  const requestId = String(answer.headers['x-request-id']);
  return `${answer.status} ${answer.text.replaceAll(requestId, '…')} ${headers.join(', ')}`;
}

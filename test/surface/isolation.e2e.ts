import { v7 as uuidv7 } from 'uuid';
import type { Route } from '../../src/platform/http/route-table.js';
import type { Answer, HttpClient } from '../harness/http-client.js';
import { bodyFor, canMake, collectionOf, makeRecord, WITHOUT_RECORD } from './records.js';
import { labelOf, startSurface, type Surface } from './surface.js';

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

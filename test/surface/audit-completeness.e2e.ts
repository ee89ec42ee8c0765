import type { Route } from '../../src/platform/http/route-table.js';
import { type Account, registerOwner } from '../harness/accounts.js';
import type { Answer } from '../harness/http-client.js';
import { OTHERWISE } from './otherwise.js';
import { bodyFor, collectionOf, makeRecord } from './records.js';
import { labelOf, startSurface, type Surface } from './surface.js';

/** Generated from the route table: a new mutation is called here without a line being written for it. */
describe('the audit log', () => {
  let surface: Surface;
  let audited: Route[];

  beforeAll(async () => {
    surface = await startSurface();
    audited = surface.routes.filter((route) => route.audit?.kind === 'audited');
  });
  afterAll(() => surface?.app.close());

  it('is asked about every mutation, and about none that is no more', () => {
    const labels = new Set(audited.map(labelOf));
    expect(Object.keys(OTHERWISE).filter((label) => !labels.has(label))).toEqual([]);
    expect(audited.length).toBeGreaterThan(40);
  });

  it("has a row of the route's resource, under the answer's request id, for every successful mutation", async () => {
    const wrong: string[] = [];
    for (const route of audited) {
      const answer = await call(surface, route, await registerOwner(surface.http));
      const types = await recordedTypes(surface, answer);
      const expected = route.audit?.kind === 'audited' ? route.audit.resourceType : '';
      if (answer.status >= 300) wrong.push(`${labelOf(route)}: ${answer.status} ${answer.text}`);
      else if (!types.includes(expected))
        wrong.push(`${labelOf(route)}: no ${expected} among [${types.join()}]`);
    }
    expect(wrong).toEqual([]);
  });
});

/** One call that succeeds: as written down, or with a new record and an example body of the API document. */
async function call(surface: Surface, route: Route, owner: Account): Promise<Answer> {
  const special = OTHERWISE[labelOf(route)];
  if (special) return special.call(surface, owner);
  if (route.path.endsWith('/bulk')) return bulk(surface, route, owner);
  if (!route.path.includes('{')) {
    return owner.http.send(route.method, route.path, { body: await changing(surface, owner, route) });
  }
  const { ids } = await makeRecord(surface, owner, collectionOf(route.path));
  const rest = [...ids];
  const path = route.path.replace(/\{[^}]+\}/g, () => rest.shift() ?? '');
  if (path.endsWith('/restore')) await owner.http.delete(path.slice(0, -'/restore'.length));
  return owner.http.send(route.method, path, { body: await changing(surface, owner, route) });
}

/** An example body; of a PATCH a full one, so that it changes something. */
function changing(surface: Surface, owner: Account, route: Route): Promise<unknown> {
  return bodyFor(surface, owner, route, route.method === 'PATCH');
}

async function bulk(surface: Surface, route: Route, owner: Account): Promise<Answer> {
  const single = { method: 'POST', path: route.path.slice(0, -'/bulk'.length) };
  const operations = [{ action: 'create', data: await bodyFor(surface, owner, single) }];
  return owner.http.post(route.path, { operations });
}

async function recordedTypes(surface: Surface, answer: Answer): Promise<string[]> {
  const rows = await surface.database.sql('SELECT resource_type FROM audit_log WHERE request_id = $1', [
    answer.headers['x-request-id'],
  ]);
  return rows.map((row) => row.resource_type as string);
}

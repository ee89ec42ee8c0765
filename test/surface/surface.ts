import { type Route, RouteTable } from '../../src/platform/http/route-table.js';
import { type Account, createKey, registerOwner } from '../harness/accounts.js';
import { ContractChecker } from '../harness/contract-checker.js';
import type { HttpClient } from '../harness/http-client.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../harness/test-app.js';

/** Limits out of the way: these checks send thousands of requests from one address. */
const NO_LIMITS = {
  ANONYMOUS_RATE_LIMIT: '9000000/900',
  USER_RATE_LIMIT: '9000000/900',
  API_KEY_RATE_LIMIT: '9000000/60',
};

export interface Surface {
  readonly app: TestApp;
  readonly database: TestApp['database'];
  readonly routes: readonly Route[];
  readonly document: any;
  readonly checker: ContractChecker;
  /** Nobody in particular; answers are held against the API document, as everywhere here. */
  readonly http: HttpClient;
  /** The team that has records. */
  readonly owner: Account;
  /** An owner of another team. */
  readonly stranger: Account;
  /** API keys with every scope that a key can carry. */
  readonly keyScopes: ReadonlySet<string>;
  readonly ownerKey: HttpClient;
  readonly strangerKey: HttpClient;
}

/** The running application with its route table, its API document, and two teams. */
export async function startSurface(options: TestAppOptions = {}): Promise<Surface> {
  const app = await startTestApp({ ...options, env: { ...NO_LIMITS, ...options.env } });
  try {
    return await explore(app);
  } catch (error) {
    await app.close();
    throw error;
  }
}

async function explore(app: TestApp): Promise<Surface> {
  const document = (await app.http.get('/openapi.json')).json;
  const checker = ContractChecker.of(document);
  const http = checker.watch(app.http);
  const [owner, stranger] = [await registerOwner(http), await registerOwner(http)];
  const scopes: { scope: string; roles: string[]; grantableToKeys: boolean }[] = (
    await owner.http.get('/v1/scopes')
  ).json.data;
  const grantable = scopes.filter((each) => each.grantableToKeys && each.roles.includes('owner'));
  const names = grantable.map((each) => each.scope);
  return {
    app,
    database: app.database,
    routes: app.app.get(RouteTable).all(),
    document,
    checker,
    http,
    owner,
    stranger,
    keyScopes: new Set(names),
    ownerKey: (await createKey(owner, names)).http,
    strangerKey: (await createKey(stranger, names)).http,
  };
}

export function operationOf(surface: Surface, route: Pick<Route, 'method' | 'path'>): any {
  return surface.document.paths[route.path]?.[route.method.toLowerCase()];
}

export function labelOf(route: Pick<Route, 'method' | 'path'>): string {
  return `${route.method} ${route.path}`;
}

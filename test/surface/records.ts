import { exampleBody } from '../harness/example-body.js';
import type { Account } from '../harness/accounts.js';
import { operationOf, type Surface } from './surface.js';

export interface MadeRecord {
  /** Values of the path parameters, in order. */
  readonly ids: readonly string[];
}

type Maker = (surface: Surface, account: Account) => Promise<MadeRecord>;

/**
 * Records that no POST to their collection makes. Everything else is made from the API document, so a new
 * resource needs no line here. The reason says why it is different.
 */
const SPECIAL: Record<string, { readonly reason: string; readonly make: Maker }> = {
  '/v1/auth/sessions': {
    reason: 'signing in makes a session',
    make: async (_surface, account) => ({
      ids: [(await account.http.get('/v1/auth/sessions')).json.data[0].id],
    }),
  },
  '/v1/imports': {
    reason: 'an uploaded file makes an import',
    make: async (_surface, account) => {
      const raw =
        '--b\r\ncontent-disposition: form-data; name="file"; filename="a.csv"\r\n\r\nstreet\n1 Harbor Street\n\r\n--b--\r\n';
      const headers = { 'content-type': 'multipart/form-data; boundary=b' };
      const answer = await account.http.send('POST', '/v1/listings/import', { raw, headers });
      return { ids: [answer.json.data.id] };
    },
  },
  '/v1/team/members': {
    reason: 'an accepted invitation makes a member; the owner is one already',
    make: (_surface, account) => Promise.resolve({ ids: [account.userId] }),
  },
};

/** Id-bearing routes without a record of a team behind them, each with the reason. */
export const WITHOUT_RECORD: Record<string, string> = {
  '/docs/{file}': 'a file of the documentation page',
  '/v1/ip-blocks/{id}': 'blocks concern the installation, not a team; only platform admins get that far',
};

/** The collection of an id-bearing path: what stands before the first parameter. */
export function collectionOf(path: string): string {
  return path.slice(0, path.indexOf('/{'));
}

/** Whether a record of this collection can be made, and so whether its routes are checked. */
export function canMake(surface: Surface, collection: string): boolean {
  return collection in SPECIAL || operationOf(surface, { method: 'POST', path: collection }) !== undefined;
}

/** A new record of a collection for this person's team. */
export async function makeRecord(
  surface: Surface,
  account: Account,
  collection: string,
): Promise<MadeRecord> {
  const special = SPECIAL[collection];
  if (special) return special.make(surface, account);
  const body = await bodyFor(surface, account, { method: 'POST', path: collection });
  const answer = await account.http.post(collection, body);
  if (answer.status >= 300) throw new Error(`POST ${collection} answered ${answer.status}: ${answer.text}`);
  return { ids: [answer.json.data.id] };
}

/** A body that the operation takes; references to other records are made first. */
export async function bodyFor(
  surface: Surface,
  account: Account,
  route: { method: string; path: string },
  full = false,
): Promise<any> {
  const operation = operationOf(surface, route);
  const given: Record<string, string> = {};
  for (const field of requiredReferences(surface.document, operation)) {
    const collection = `/v1/${field.replace(/Id$/, '')}s`;
    if (canMake(surface, collection)) [given[field]] = (await makeRecord(surface, account, collection)).ids;
  }
  return exampleBody(surface.document, operation, { given, full });
}

function requiredReferences(document: any, operation: any): string[] {
  const reference: string | undefined = operation?.requestBody?.content?.['application/json']?.schema?.$ref;
  const schema = reference && document.components.schemas[reference.split('/').pop()!];
  return ((schema?.required ?? []) as string[]).filter((name) => /^[a-z]+Id$/.test(name));
}

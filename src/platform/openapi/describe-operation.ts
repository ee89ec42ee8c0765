import type { Route } from '../http/route-table.js';
import type { ErrorCode } from '../http/api-error.js';
import { errorCodes, errorResponses, takesIdempotencyKey, takesIfMatch } from './error-responses.js';
import type { Operation, Response, Schema } from './open-api.js';
import { PAGE_EXTENSION } from './paged.js';
import { envelopeOf, finishSchema } from './schemas.js';

/** Names that are not made by putting a capital first. */
const TAG_WORDS: Record<string, string> = { api: 'API', ip: 'IP', csv: 'CSV', auth: 'Authentication' };
const LIMIT_HEADERS = ['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset'];

/** Completes what the builder made of a handler with what the route declares. */
export function describeOperation(operation: Operation, route: Route, own: readonly ErrorCode[]): void {
  operation.tags = [tagOf(route)];
  operation.summary ||=
    route.method === 'GET' && route.path.endsWith('}') ? 'Reads one.' : `${route.method} ${route.path}`;
  operation.description = descriptionOf(operation, route);
  if (route.access.kind === 'scope') operation['x-required-scope'] = route.access.scope;
  operation.security = securityOf(operation, route);
  addParameters(operation, route);
  let isPage = false;
  for (const [status, response] of Object.entries(operation.responses)) {
    if (status.startsWith('2')) isPage = describeSuccess(response, route) || isPage;
  }
  operation.responses = { ...operation.responses, ...errorsOf(operation, errorCodes(route, isPage, own)) };
}

/** `clientsList` of `ClientsController.list`. */
export function operationIdOf(controller: string, method: string): string {
  const subject = controller.replace(/Controller$/, '');
  return (
    subject.charAt(0).toLowerCase() + subject.slice(1) + method.charAt(0).toUpperCase() + method.slice(1)
  );
}

export function tagOf(route: Route): string {
  const segment = /^\/v1\/([^/]+)/.exec(route.path)?.[1] ?? 'service';
  const words = segment.split('-').map((word) => TAG_WORDS[word] ?? word);
  return words.join(' ').replace(/^./, (letter) => letter.toUpperCase());
}

/** The first sentence of a docstring is the summary; the rest, and what the route demands, the description. */
function descriptionOf(operation: Operation, route: Route): string {
  const { access } = route;
  const demands = [
    operation.description,
    access.kind === 'scope' ? `Needs the scope \`${access.scope}\`.` : undefined,
    access.kind === 'authenticated'
      ? 'Open to every caller who has signed in or holds an API key.'
      : undefined,
    access.kind === 'public' ? `Open to anyone: ${access.reason}.` : undefined,
    route.usersOnly ? 'For signed-in people; API keys are refused.' : undefined,
    route.stepUp
      ? 'Needs a session that proved itself within the last ten minutes (`/v1/auth/step-up`).'
      : undefined,
    route.audit?.kind === 'audited'
      ? `Recorded in the audit log as \`${route.audit.resourceType}\`.`
      : undefined,
  ];
  return demands.filter(Boolean).join(' ');
}

function securityOf(operation: Operation, route: Route): unknown {
  if (operation.security) return operation.security;
  if (route.access.kind === 'public') return [];
  return route.usersOnly ? [{ bearer: [] }] : [{ bearer: [] }, { apiKey: [] }];
}

function addParameters(operation: Operation, route: Route): void {
  const parameters = operation.parameters ?? [];
  for (const parameter of parameters) {
    if (parameter.schema) finishSchema(parameter.schema);
    if (parameter.in === 'path' && parameter.schema?.type === 'string' && /id$/i.test(parameter.name ?? '')) {
      parameter.schema.format ??= 'uuid';
    }
  }
  if (takesIdempotencyKey(route)) parameters.push({ $ref: '#/components/parameters/IdempotencyKey' });
  if (takesIfMatch(route)) parameters.push({ $ref: '#/components/parameters/IfMatch' });
  operation.parameters = parameters;
}

/** Puts the envelope around JSON, and names the headers. Says whether it is a page. */
function describeSuccess(response: Response, route: Route): boolean {
  const headers: Record<string, object> = { 'X-Request-Id': header('X-Request-Id') };
  const isApi = route.path.startsWith('/v1');
  const json = response.content?.['application/json'];
  const isPage = json?.schema?.[PAGE_EXTENSION] === true;
  response.description ||= 'Done.';
  if (isApi) {
    for (const name of LIMIT_HEADERS) headers[name] = header(name);
    if (takesIdempotencyKey(route)) headers['Idempotency-Replayed'] = header('Idempotency-Replayed');
    if (!isPage) headers.ETag = header('ETag');
    if (json || !response.content) {
      const data: Schema | undefined = json?.schema && { ...json.schema };
      if (data) delete data[PAGE_EXTENSION];
      response.content = {
        ...response.content,
        'application/json': { ...json, schema: envelopeOf(data, isPage) },
      };
    }
  }
  response.headers = headers;
  return isPage;
}

/** Errors by status; a route that documents a status itself keeps its own words. */
function errorsOf(operation: Operation, codes: ErrorCode[]): Record<string, Response> {
  const made = errorResponses(codes) as Record<string, Response>;
  for (const [status, own] of Object.entries(operation.responses)) {
    if (made[status] && own.content) delete made[status];
  }
  return made;
}

function header(name: string): object {
  return { $ref: `#/components/headers/${name}` };
}

import type { Route } from '../http/route-table.js';
import { ERROR_STATUS, type ErrorCode } from '../http/api-error.js';

const EVERY_ROUTE: readonly ErrorCode[] = ['RATE_LIMIT', 'INTERNAL', 'UNAVAILABLE'];
const EVERY_API_ROUTE: readonly ErrorCode[] = ['VALIDATION_FAILED', 'IP_BLOCKED'];
const CREDENTIAL: readonly ErrorCode[] = [
  'UNAUTHENTICATED',
  'TOKEN_EXPIRED',
  'API_KEY_EXPIRED',
  'API_KEY_REVOKED',
  'FORBIDDEN',
  'IP_NOT_ALLOWED',
];
/** Sign-in routes are public, and what they refuse is a credential. */
const SIGN_IN: readonly ErrorCode[] = [
  'UNAUTHENTICATED',
  'INVALID_CREDENTIALS',
  'TOKEN_EXPIRED',
  'TOKEN_REUSED',
  'INVALID_CODE',
  'FORBIDDEN',
  'CSRF_INVALID',
  'AUTH_RATE_LIMIT',
];
const MUTATION: readonly ErrorCode[] = [
  'MALFORMED_JSON',
  'NOT_FOUND',
  'CONFLICT',
  'DUPLICATE',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
];
const IDEMPOTENT: readonly ErrorCode[] = ['IDEMPOTENCY_IN_PROGRESS', 'IDEMPOTENCY_MISMATCH'];

const MEANING: Partial<Record<ErrorCode, string>> = {
  VALIDATION_FAILED: 'The request has invalid fields.',
  MALFORMED_JSON: 'The body is not valid JSON.',
  INVALID_CURSOR: 'The cursor does not belong to this list.',
  UNAUTHENTICATED: 'Sign in, or send an API key.',
  INSUFFICIENT_SCOPE: 'This needs the scope clients:read.',
  NOT_FOUND: 'There is no such resource.',
  PRECONDITION_FAILED: 'The resource has changed since you read it; read it again.',
  PAYLOAD_TOO_LARGE: 'The body is larger than this route accepts.',
  UNSUPPORTED_MEDIA_TYPE: 'Send JSON, with Content-Type: application/json.',
  RATE_LIMIT: 'Too many requests; try again in 60 s.',
  INTERNAL: 'Something went wrong on our side. Quote the request id when you ask about it.',
  UNAVAILABLE: 'The service is not available at the moment; try again shortly.',
};

/** The codes a route can answer with, from what it declares; `own` are those it adds itself. */
export function errorCodes(route: Route, isPage: boolean, own: readonly ErrorCode[]): ErrorCode[] {
  const codes = new Set<ErrorCode>([...EVERY_ROUTE, ...own]);
  const add = (more: readonly ErrorCode[]): void => more.forEach((code) => codes.add(code));
  if (!route.path.startsWith('/v1')) return [...codes];
  add(EVERY_API_ROUTE);
  if (route.access.kind !== 'public') add(CREDENTIAL);
  if (route.access.kind === 'scope') add(['INSUFFICIENT_SCOPE']);
  if (route.stepUp) add(['STEP_UP_REQUIRED', 'TWO_FACTOR_REQUIRED']);
  if (isPage) add(['INVALID_CURSOR']);
  if (route.path.includes('{')) add(['NOT_FOUND']);
  if (route.method !== 'GET') add(MUTATION);
  if (route.path.startsWith('/v1/auth/')) add(SIGN_IN);
  if (route.path.startsWith('/v1/auth/') && route.method === 'POST') add(['ACCOUNT_LOCKED']);
  if (takesIdempotencyKey(route)) add(IDEMPOTENT);
  if (takesIfMatch(route)) add(['PRECONDITION_FAILED']);
  return [...codes];
}

/** Changes of one record honour `If-Match`. */
export function takesIfMatch(route: Route): boolean {
  return (route.method === 'PATCH' || route.method === 'DELETE') && route.path.includes('{');
}

/** POSTs outside `/v1/auth` honour `Idempotency-Key`. */
export function takesIdempotencyKey(route: Route): boolean {
  return (
    route.method === 'POST' &&
    route.path.startsWith('/v1/') &&
    !route.path.startsWith('/v1/auth/') &&
    route.access.kind !== 'public'
  );
}

/** The `responses` of these codes: one a status, naming its codes, with an example of the first. */
export function errorResponses(codes: readonly ErrorCode[]): Record<string, object> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const status = ERROR_STATUS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const entries = [...byStatus].sort(([a], [b]) => a - b);
  return Object.fromEntries(entries.map(([status, names]) => [String(status), errorResponse(status, names)]));
}

function errorResponse(status: number, codes: readonly ErrorCode[]): object {
  const headers: Record<string, object> = { 'X-Request-Id': { $ref: '#/components/headers/X-Request-Id' } };
  if (status === 429 || status === 503) headers['Retry-After'] = { $ref: '#/components/headers/Retry-After' };
  return {
    description: codes.map((code) => `\`${code}\``).join(', '),
    headers,
    content: {
      'application/json': {
        schema: { $ref: '#/components/schemas/Error' },
        examples: Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
      },
      'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
    },
  };
}

/** One example a code, for all operations. */
export const ERROR_EXAMPLES = Object.fromEntries(
  (Object.keys(ERROR_STATUS) as ErrorCode[]).map((code) => [code, { value: exampleOf(code) }]),
);

function exampleOf(code: ErrorCode): object {
  return {
    success: false,
    error: {
      code,
      message: MEANING[code] ?? 'The request was refused.',
      ...(code === 'VALIDATION_FAILED'
        ? { details: [{ field: 'email', message: 'is not an e-mail address' }] }
        : {}),
      requestId: '01981f5a-7b6e-7c3d-9a51-2f8f6e0b4c11',
    },
  };
}

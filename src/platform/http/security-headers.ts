import type { FastifyReply, FastifyRequest } from 'fastify';
import { isApiRequest } from './api-request.js';

type Headers = readonly (readonly [string, string])[];

/** On every answer, whatever it is. */
const ALWAYS: Headers = [
  ['x-content-type-options', 'nosniff'],
  ['x-frame-options', 'DENY'],
  ['referrer-policy', 'strict-origin-when-cross-origin'],
  ['permissions-policy', 'camera=(), microphone=(), geolocation=()'],
  // The old filter can itself be used to break pages, so it is switched off.
  ['x-xss-protection', '0'],
];
const NOT_KEPT: Headers = [['cache-control', 'no-store']];

const API_POLICY = "default-src 'none'; frame-ancestors 'none'";
const PAGE_POLICY =
  "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const inProduction = (policy: string): Headers => [
  ['strict-transport-security', 'max-age=31536000; includeSubDomains'],
  ['content-security-policy', policy],
];

const OF_API = [...ALWAYS, ...NOT_KEPT];
const OF_API_IN_PRODUCTION = [...OF_API, ...inProduction(API_POLICY)];
const OF_PAGES_IN_PRODUCTION = [...ALWAYS, ...inProduction(PAGE_POLICY)];

/** The headers of the contract's section 1. */
export function securityHeaders(isApi: boolean, isProduction: boolean): Headers {
  if (isProduction) return isApi ? OF_API_IN_PRODUCTION : OF_PAGES_IN_PRODUCTION;
  return isApi ? OF_API : ALWAYS;
}

/** The same on every answer, errors included. */
export function applySecurityHeaders(
  request: FastifyRequest,
  reply: FastifyReply,
  isProduction: boolean,
): void {
  for (const [name, value] of securityHeaders(isApiRequest(request), isProduction))
    void reply.header(name, value);
}

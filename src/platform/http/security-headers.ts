import type { FastifyReply, FastifyRequest } from 'fastify';
import { isApiRequest } from './api-request.js';

/** On every answer, whatever it is. */
export const ALWAYS: readonly (readonly [string, string])[] = [
  ['x-content-type-options', 'nosniff'],
  ['x-frame-options', 'DENY'],
  ['referrer-policy', 'strict-origin-when-cross-origin'],
  ['permissions-policy', 'camera=(), microphone=(), geolocation=()'],
  // The old filter can itself be used to break pages, so it is switched off.
  ['x-xss-protection', '0'],
];

const API_POLICY = "default-src 'none'; frame-ancestors 'none'";
const PAGE_POLICY =
  "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/** The headers of the contract's section 1, on every answer, errors included. */
export function applySecurityHeaders(
  request: FastifyRequest,
  reply: FastifyReply,
  isProduction: boolean,
): void {
  for (const [name, value] of ALWAYS) void reply.header(name, value);
  const api = isApiRequest(request);
  if (api) void reply.header('cache-control', 'no-store');
  if (!isProduction) return;
  void reply.header('strict-transport-security', 'max-age=31536000; includeSubDomains');
  void reply.header('content-security-policy', api ? API_POLICY : PAGE_POLICY);
}

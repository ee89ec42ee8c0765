import type { FastifyRequest } from 'fastify';

/**
 * Whether the rules of the API hold for a request: limits, envelope, no caching. The matched route decides and not the
 * text of the URL, which names the same route in many ways (`/%76%31/clients`). A path without a route counts as
 * the API's: a flood of them is a scan.
 */
export function isApiRequest(request: FastifyRequest): boolean {
  const route = request.routeOptions.url;
  return route === undefined || route.startsWith('/v1');
}

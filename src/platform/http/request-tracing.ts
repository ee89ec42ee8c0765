import type { FastifyInstance } from 'fastify';
import type { RequestSpan, Spans } from '../tracing/spans.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Only when traces are made. */
    span?: RequestSpan;
  }
}

/**
 * Begins the trace of every request; whoever hears of its end ends it. Without traces there is no hook. Must come after the hook
 * that makes the request's context, and before those that work.
 */
export function installRequestTracing(fastify: FastifyInstance, spans: Spans): void {
  fastify.addHook('onRequest', (request, _reply, done) => {
    const { method, headers, protocol, context } = request;
    const route = request.routeOptions.url ?? null;
    const span = spans.request({ method, route, scheme: protocol, requestId: context.requestId }, headers);
    request.span = span;
    span.within(done);
  });
}

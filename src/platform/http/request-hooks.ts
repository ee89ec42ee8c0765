import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { RequestContext } from '../context/request-context.js';
import { newId } from '../crypto/new-id.js';
import type { Log } from '../logging/log.js';
import type { Metrics } from '../metrics/metrics.js';
import { type AddressList } from '../net/cidr.js';
import type { Spans } from '../tracing/spans.js';
import { clientAddress } from '../net/client-address.js';
import { envelope } from './envelope.js';
import { type AfterRequest, brokeOff, CUT_OFF, onRequestEnd, type RequestEnd } from './request-end.js';
import { installRequestTracing } from './request-tracing.js';
import { applySecurityHeaders } from './security-headers.js';

const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;
const USER_AGENT_LIMIT = 512;

interface Options {
  readonly log: Log;
  readonly metrics: Metrics;
  /** Null when no traces are made. */
  readonly spans: Spans | null;
  readonly trustedProxies: AddressList;
  readonly isProduction: boolean;
  /** Hears of the end of each request as well. */
  readonly atEnd: AfterRequest;
}

/** Hooks that see every request, unmatched paths and broken bodies included. */
export function installRequestHooks(fastify: FastifyInstance, options: Options): void {
  fastify.decorateRequest('context', null as unknown as RequestContext);
  fastify.addHook('onRequest', (request, reply, done) => {
    request.context = contextOf(request, options.trustedProxies);
    applySecurityHeaders(request, reply, options.isProduction);
    void reply.header('x-request-id', request.context.requestId);
    done();
  });
  if (options.spans !== null) installRequestTracing(fastify, options.spans);
  fastify.addHook('preSerialization', envelope);
  fastify.addHook('onSend', (request, reply, payload, done) => {
    logBreak(options.log, request, reply, payload);
    done(null, payload);
  });
  onRequestEnd(fastify, (request, end) => {
    logRequest(options.log, request, end);
    request.span?.end(end, request.context.principalOrNull?.teamId ?? null);
    const route = request.routeOptions.url ?? null;
    options.metrics.request(request.method, route, countedAs(end), end.durationMs / 1000);
    options.atEnd(request, end);
  });
}

/** The status that the monitoring counts: one that went out says nothing of an answer that did not. */
function countedAs({ status, wasSent, broke }: RequestEnd): number {
  if (wasSent) return status;
  return broke ? 500 : CUT_OFF;
}

/** What breaks a stream comes after the status: no filter hears of it, and the client only sees the connection end. */
function logBreak(log: Log, request: FastifyRequest, reply: FastifyReply, payload: unknown): void {
  if (!(payload instanceof Readable)) return;
  payload.once('error', (err) => {
    const { requestId } = request.context;
    // Before the first byte the client still gets an error, which is logged where it is made.
    if (!reply.raw.headersSent) return;
    brokeOff(request.raw);
    log.error({ err, requestId }, 'an answer broke off');
  });
}

function contextOf(request: FastifyRequest, trusted: AddressList): RequestContext {
  const given = request.headers['x-request-id'];
  // Ids of ours rise: the audit log has an index of them, and new entries then go to its end.
  const requestId = typeof given === 'string' && REQUEST_ID.test(given) ? given : newId();
  const address = clientAddress(
    request.socket.remoteAddress ?? '',
    request.headers['x-forwarded-for'],
    trusted,
  );
  const userAgent = request.headers['user-agent'];
  return new RequestContext(requestId, address, userAgent ? printable(userAgent) : null);
}

/** Header text bound for logs and rows: no control characters, bounded. */
function printable(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what must go
  return text.slice(0, USER_AGENT_LIMIT).replace(/[\u0000-\u001f\u007f-\u009f]/g, '');
}

/** One line a request. The path has no query string: filters hold personal data. */
function logRequest(log: Log, request: FastifyRequest, end: RequestEnd): void {
  const { context } = request;
  const principal = context.principalOrNull;
  log.request({
    requestId: context.requestId,
    method: request.method,
    route: request.routeOptions.url ?? null,
    status: end.status,
    wasCutOff: !end.wasSent,
    durationMs: Math.round(end.durationMs * 10) / 10,
    ip: context.ipAddress,
    teamId: principal?.teamId,
    userId: principal?.userId,
    apiKeyId: principal?.apiKeyId ?? undefined,
    traceId: request.span?.traceId,
  });
}

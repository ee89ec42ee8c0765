import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ClientErrors } from './client-errors.js';
import { isUpload } from './uploads.js';

/** A body has arrived this long after its head (which has 5 s), or the connection ends. */
const BODY_MS = 8000;
/** An upload may take longer, as long as each stretch of this length brings enough. */
const STRETCH_MS = 10_000;
const UPLOAD_BYTES_PER_SECOND = 64 * 1024;
/** What 50 MB take at that rate, and some more: Node's own limit, which no request outlives. */
export const LONGEST_REQUEST_MS = 15 * 60_000;
const LOOK_MS = 500;

interface Arriving {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly sinceMs: number;
  stretchSinceMs: number;
  stretchFromBytes: number;
  answered: boolean;
}

/**
 * Cuts off bodies that drip in. Node has one time limit for all requests of a server, so this one is the upload's;
 * all other requests are held to theirs here, and uploads to a rate: a client that sends little is cut off after ten
 * seconds on any route. Who was answered already (401, 403, 413) is no upload any more and gets no more time.
 */
export function limitArrival(fastify: FastifyInstance, clientErrors: ClientErrors): void {
  const arriving = new Map<FastifyRequest, Arriving>();
  fastify.addHook('onRequest', (request, reply, done) => {
    if (hasBody(request.raw)) {
      const now = performance.now();
      const { bytesRead } = request.raw.socket;
      const times = { sinceMs: now, stretchSinceMs: now, stretchFromBytes: bytesRead };
      arriving.set(request, { request, reply, ...times, answered: false });
    }
    done();
  });
  // At once: what half a second of requests hold would outlive the young generation, and be copied, all of it, by the collector.
  fastify.addHook('preValidation', (request, _reply, done) => {
    if (request.raw.complete) arriving.delete(request);
    done();
  });
  const timer = setInterval(() => {
    for (const [request, each] of arriving) if (look(each, clientErrors)) arriving.delete(request);
  }, LOOK_MS).unref();
  fastify.addHook('onClose', (_instance, done) => {
    clearInterval(timer);
    done();
  });
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

/** True when there is nothing left to look at. */
function look(arriving: Arriving, clientErrors: ClientErrors): boolean {
  const { raw } = arriving.request;
  if (raw.complete || raw.socket.destroyed) return true;
  if (arriving.answered) {
    raw.socket.destroy();
    return true;
  }
  if (isInTime(arriving)) return false;
  arriving.answered = true;
  clientErrors.cutOff(arriving);
  return false;
}

function isInTime(arriving: Arriving): boolean {
  const { request, reply } = arriving;
  const now = performance.now();
  if (!isUpload(request) || reply.raw.writableEnded) return now - arriving.sinceMs < BODY_MS;
  if (now - arriving.stretchSinceMs < STRETCH_MS) return true;
  const { bytesRead } = request.raw.socket;
  const enough = (UPLOAD_BYTES_PER_SECOND * (now - arriving.stretchSinceMs)) / 1000;
  const isEnough = bytesRead - arriving.stretchFromBytes >= enough;
  arriving.stretchSinceMs = now;
  arriving.stretchFromBytes = bytesRead;
  return isEnough;
}

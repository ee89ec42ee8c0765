import type { FastifyReply, FastifyRequest } from 'fastify';
import { isApiRequest } from './api-request.js';
import { etagOf } from './etag.js';
import { Page } from './page.js';

/**
 * Puts what a handler returned into the envelope, and the version of a single resource into `ETag`.
 * A Fastify `preSerialization` hook, because it also sees what interceptors do not.
 */
export function envelope(
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
  done: (error: null, payload: unknown) => void,
): void {
  if (!isApiRequest(request) || reply.statusCode >= 400) {
    done(null, payload);
    return;
  }
  if (payload instanceof Page) {
    const meta = { nextCursor: payload.nextCursor, limit: payload.limit };
    done(null, { success: true, data: payload.items, meta });
    return;
  }
  const version = (payload as { version?: unknown } | null)?.version;
  if (typeof version === 'number') reply.header('etag', etagOf(version));
  done(null, { success: true, data: payload });
}

import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { ApiError } from './api-error.js';
import type { ClientErrors } from './client-errors.js';

/** For the server's options: Node would refuse such a request itself, without limits, headers of ours or a line in the log. */
export const HOST_IS_OURS_TO_ASK = { requireHostHeader: false };

/**
 * What Node decides about a head before any hook, decided here instead. A request of HTTP/1.1 names its host (RFC 9112, section 3.2); one
 * that expects what nobody knows is answered as if it had not (RFC 9110, section 10.1.1, leaves that to the server). Nobody connects through us.
 * Added after the hooks that limit and block.
 */
export function installHeadRules(fastify: FastifyInstance, clientErrors: ClientErrors): void {
  fastify.addHook('onRequest', ({ raw }, _reply, done) => {
    const lacksHost = raw.headers.host === undefined && raw.httpVersion !== '1.0';
    if (lacksHost) done(missing('Host'));
    else done();
  });
  fastify.server.on('checkExpectation', (request, response) =>
    fastify.server.emit('request', request, response),
  );
  // Node would close the connection and say nothing.
  fastify.server.on('connect', (_request, socket: Socket) => {
    // It has let go of the socket: without a listener a reset would end the process, and nobody else would close it.
    socket.on('error', () => socket.destroy());
    clientErrors.refuse(Object.assign(new Error('no proxy'), { code: 'CONNECT' }), socket);
    socket.destroySoon();
  });
}

function missing(field: string): ApiError {
  const details = [{ field, message: 'is required' }];
  return new ApiError('VALIDATION_FAILED', `The ${field} header is missing.`, { details });
}

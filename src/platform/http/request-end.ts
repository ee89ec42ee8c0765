import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** @param wasSent whether the whole answer went out: not when the client left, or when what the answer is made of broke */
export type AfterRequest = (request: FastifyRequest, reply: FastifyReply, wasSent: boolean) => void;

/** Sees the end of every request, once. Fastify's own `onResponse` hears of those alone whose whole answer was sent. */
export function onRequestEnd(fastify: FastifyInstance, look: AfterRequest): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    reply.raw.once('close', () => look(request, reply, reply.raw.writableFinished));
    done();
  });
}

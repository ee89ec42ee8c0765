import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** What nginx says of clients that left before they were answered; here of every answer that did not go out. */
export const CUT_OFF = 499;

/** How a request ended. */
export interface RequestEnd {
  /** What the client saw; 499 when nothing was sent. */
  readonly status: number;
  /** Whether the whole answer went out: not when the client left, or when what the answer is made of broke. */
  readonly wasSent: boolean;
  /** Whether it was an error of ours that ended an answer under way. */
  readonly broke: boolean;
  readonly durationMs: number;
}

export type AfterRequest = (request: FastifyRequest, end: RequestEnd) => void;

/** Of connections on which answers wait for those before them: what to do when it is closed. */
const queued = new WeakMap<Socket, Set<() => void>>();

/** A request that has not ended, and its answer. */
export interface OpenRequest {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** By connection, the newest one. */
const open = new WeakMap<Socket, OpenRequest>();

/** What the connection is in the middle of, if anything. */
export function openRequest(socket: Socket): OpenRequest | undefined {
  return open.get(socket);
}

/** Whether nobody hears an answer any more: it was written to the socket, or the client left before its body had arrived. */
export function isUnheard(request: IncomingMessage): boolean {
  return bareAnswers.has(request) || (request.destroyed && !request.complete);
}

/** Statuses that went out past the reply. */
const bareAnswers = new WeakMap<IncomingMessage, number>();

/** Says what the client of this request saw, when the answer was written to its socket. */
export function answeredBare(request: IncomingMessage, status: number): void {
  bareAnswers.set(request, status);
}

/** Requests whose answer an error of ours broke off. */
const broken = new WeakSet<IncomingMessage>();

/** Says that the answer under way cannot be ended as it should. */
export function brokeOff(request: IncomingMessage): void {
  broken.add(request);
}

/** Sees the end of every request, once. Fastify's own `onResponse` hears of those alone whose whole answer was sent. */
export function onRequestEnd(fastify: FastifyInstance, look: AfterRequest): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    const { socket } = request.raw;
    const begunAt = performance.now();
    let wasSent = false;
    let isOver = false;
    const here = { request, reply };
    open.set(socket, here);
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      queued.get(socket)?.delete(end);
      if (open.get(socket) === here) open.delete(socket);
      // An answer that still waited for its connection was only written to memory.
      const wasBegun = reply.raw.writableFinished || (reply.raw.headersSent && reply.raw.socket !== null);
      const bare = bareAnswers.get(request.raw);
      const status = bare ?? (wasBegun ? reply.statusCode : CUT_OFF);
      const durationMs = performance.now() - begunAt;
      const all = wasSent || bare !== undefined;
      look(request, { status, wasSent: all, broke: broken.has(request.raw), durationMs });
    };
    // Node says "finish" as well when the connection was destroyed with half of the answer still in its buffer.
    reply.raw.once('finish', () => (wasSent = !socket.destroyed));
    reply.raw.once('close', end);
    // An answer behind others (HTTP pipelining) has no connection yet and would not hear of its end.
    if (reply.raw.socket === null) onceClosed(socket, end);
    done();
  });
}

/** One listener a connection, however many answers wait on it. */
function onceClosed(socket: Socket, end: () => void): void {
  let ends = queued.get(socket);
  if (ends === undefined) {
    ends = new Set();
    queued.set(socket, ends);
    socket.once('close', () => {
      for (const each of queued.get(socket) ?? []) each();
    });
  }
  ends.add(end);
}

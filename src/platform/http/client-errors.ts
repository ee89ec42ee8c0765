import type { Socket } from 'node:net';
import { newId } from '../crypto/new-id.js';
import type { Log } from '../logging/log.js';
import type { Metrics } from '../metrics/metrics.js';
import { normalizeAddress } from '../net/cidr.js';
import { answeredBare, type OpenRequest, openRequest } from './request-end.js';
import { securityHeaders } from './security-headers.js';

const STATUS = 400;
const TOO_SLOW = 'The request took too long to arrive.';
const MESSAGES: Record<string, string> = {
  HPE_HEADER_OVERFLOW: 'The headers are too large.',
  ERR_HTTP_REQUEST_TIMEOUT: TOO_SLOW,
};

/** The client has ended its side before what it sends was whole. */
const ENDED = 'HPE_INVALID_EOF_STATE';

/** Answers on the bare socket, where there is no reply to write to: the API's answer all the same, and the connection ends. */
export class ClientErrors {
  private metrics: Metrics | null = null;

  constructor(
    private readonly log: Log,
    private readonly isProduction: boolean,
  ) {}

  /** Where they are counted, once there is such a place: the parser stands before everything else. */
  countIn(metrics: Metrics): void {
    this.metrics = metrics;
  }

  /**
   * What is not HTTP at all (broken lines, endless headers, a head that drips in) never becomes a request. It has a line in the log
   * under the answer's id all the same. What breaks in the middle of a request is answered as that one.
   */
  refuse(error: Error & { code?: string }, socket: Socket): void {
    const message = MESSAGES[error.code ?? ''] ?? 'The request is not valid HTTP.';
    const open = openRequest(socket);
    // Who gives up a body has left; who has only sent half a head may listen still.
    const hasLeft = error.code === 'ECONNRESET' || (error.code === ENDED && open !== undefined);
    if (hasLeft || isOver(socket)) socket.destroy();
    else if (open) this.breakOff(open, message);
    else this.refuseUnknown(error.code ?? null, message, socket);
  }

  /** Of a request whose body does not arrive: whoever waits for it would wait for good. */
  cutOff(open: OpenRequest): void {
    if (!isOver(open.request.raw.socket)) this.breakOff(open, TOO_SLOW);
  }

  private breakOff({ request: { raw, context }, reply }: OpenRequest, message: string): void {
    // An answer would end up in the middle of this request's own, or of the one before it on the connection.
    if (raw.complete || reply.raw.headersSent || reply.raw.socket === null) {
      raw.socket.destroy();
      return;
    }
    answeredBare(raw, STATUS);
    this.send(raw.socket, context.requestId, message);
  }

  private refuseUnknown(reason: string | null, message: string, socket: Socket): void {
    const requestId = newId();
    const { remoteAddress = '' } = socket;
    const ip = normalizeAddress(remoteAddress) ?? remoteAddress;
    // The parser's word for it: the bytes themselves may be anything.
    this.log.info({ requestId, status: STATUS, reason, ip }, 'no HTTP request');
    this.metrics?.request('', null, STATUS, 0);
    this.send(socket, requestId, message);
  }

  private send(socket: Socket, requestId: string, message: string): void {
    const body = JSON.stringify({ success: false, error: { code: 'VALIDATION_FAILED', message, requestId } });
    const headers = [
      ...securityHeaders(true, this.isProduction),
      ['x-request-id', requestId],
      ['content-type', 'application/json; charset=utf-8'],
      ['content-length', String(Buffer.byteLength(body))],
      ['connection', 'close'],
    ];
    const head = headers.map(([name, value]) => `${name}: ${value}`).join('\r\n');
    socket.end(`HTTP/1.1 ${STATUS} Bad Request\r\n${head}\r\n\r\n${body}`);
  }
}

function isOver(socket: Socket): boolean {
  return !socket.writable || socket.destroyed;
}

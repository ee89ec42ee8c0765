import type { Socket } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { newId } from '../crypto/new-id.js';
import type { Log } from '../logging/log.js';
import type { Metrics } from '../metrics/metrics.js';
import { normalizeAddress } from '../net/cidr.js';
import { answeredBare } from './request-end.js';
import { securityHeaders } from './security-headers.js';

const STATUS = 400;
const TOO_SLOW = 'The request took too long to arrive.';
const MESSAGES: Record<string, string> = {
  HPE_HEADER_OVERFLOW: 'The headers are too large.',
  ERR_HTTP_REQUEST_TIMEOUT: TOO_SLOW,
};

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
   * under the answer's id all the same.
   */
  refuse(error: Error & { code?: string }, socket: Socket): void {
    if (error.code === 'ECONNRESET' || isOver(socket)) {
      socket.destroy();
      return;
    }
    const requestId = newId();
    const { remoteAddress = '' } = socket;
    const ip = normalizeAddress(remoteAddress) ?? remoteAddress;
    // The parser's word for it: the bytes themselves may be anything.
    this.log.info({ requestId, status: STATUS, reason: error.code ?? null, ip }, 'no HTTP request');
    this.metrics?.request('', null, STATUS, 0);
    this.send(socket, requestId, MESSAGES[error.code ?? ''] ?? 'The request is not valid HTTP.');
  }

  /** Of a request whose body does not arrive: whoever waits for it would wait for good. */
  cutOff({ raw, context }: FastifyRequest): void {
    if (isOver(raw.socket)) return;
    answeredBare(raw, STATUS);
    this.send(raw.socket, context.requestId, TOO_SLOW);
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

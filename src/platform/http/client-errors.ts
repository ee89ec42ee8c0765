import type { Socket } from 'node:net';
import { newId } from '../crypto/new-id.js';
import { ALWAYS } from './security-headers.js';

/**
 * What is not HTTP at all (broken lines, endless headers, a head that drips in) never becomes a request: Node hands over
 * the bare socket. The answer is the API's all the same, and the connection ends.
 */
export function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable || socket.destroyed) {
    socket.destroy();
    return;
  }
  const requestId = newId();
  const message = MESSAGES[error.code ?? ''] ?? 'The request is not valid HTTP.';
  const body = JSON.stringify({ success: false, error: { code: 'VALIDATION_FAILED', message, requestId } });
  const headers = [
    ...ALWAYS,
    ['cache-control', 'no-store'],
    ['x-request-id', requestId],
    ['content-type', 'application/json; charset=utf-8'],
    ['content-length', String(Buffer.byteLength(body))],
    ['connection', 'close'],
  ];
  const head = headers.map(([name, value]) => `${name}: ${value}`).join('\r\n');
  socket.end(`HTTP/1.1 400 Bad Request\r\n${head}\r\n\r\n${body}`);
}

const MESSAGES: Record<string, string> = {
  HPE_HEADER_OVERFLOW: 'The headers are too large.',
  ERR_HTTP_REQUEST_TIMEOUT: 'The request took too long to arrive.',
};

import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { Injectable } from '@nestjs/common';
import { Tracing } from '../tracing/tracing.js';
import { OutboundGuard, type OutboundPolicy, OutboundRefusedError, pinnedLookup } from './outbound-url.js';

const TIMEOUT_MS = 15_000;
const MAX_ANSWER_BYTES = 65_536;
const MAX_HEADER_BYTES = 16_384;

export interface OutboundRequest {
  readonly url: string;
  readonly policy: OutboundPolicy;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** For everything together, from the name server to the last byte; default 15 s. */
  readonly timeoutMs?: number;
  /** Ends the request early. */
  readonly signal?: AbortSignal;
  /** PEM of authorities to trust instead of the system's. */
  readonly ca?: string | null;
}

export interface OutboundAnswer {
  /** Redirects are answers like any other: nothing is followed. */
  readonly status: number;
  readonly body: Buffer;
}

/** No answer came: no connection, a broken one, too slow, or too long. */
export class OutboundFailedError extends Error {
  constructor(
    /** A word for logs: the system's error code, `TIMEOUT`, `CLOSED`, `PROTOCOL_SWITCHED` or `ANSWER_TOO_LARGE`. */
    readonly code: string,
  ) {
    super(`no answer came: ${code}`);
    this.name = 'OutboundFailedError';
  }
}

/** HTTP to hosts outside: every request passes the {@link OutboundGuard} and has a bound in time and size. */
@Injectable()
export class OutboundHttp {
  constructor(
    private readonly guard: OutboundGuard,
    private readonly tracing: Tracing,
  ) {}

  /**
   * Sends one request on a connection of its own.
   * @throws OutboundRefusedError before anything is sent
   * @throws OutboundFailedError when no whole answer came
   */
  send(request: OutboundRequest): Promise<OutboundAnswer> {
    return this.tracing.outgoing(request.method, () => this.deliver(request));
  }

  private async deliver(request: OutboundRequest): Promise<OutboundAnswer> {
    const url = this.guard.read(request.url, request.policy);
    const deadline = AbortSignal.timeout(request.timeoutMs ?? TIMEOUT_MS);
    const signal = request.signal ? AbortSignal.any([deadline, request.signal]) : deadline;
    try {
      // The answer too races with the signal: what the connection does is the other side's choice.
      return await before(signal, this.exchange(url, request, signal));
    } catch (error) {
      if (error instanceof OutboundRefusedError || error instanceof OutboundFailedError) throw error;
      throw new OutboundFailedError(deadline.aborted ? 'TIMEOUT' : codeOf(error));
    }
  }

  private async exchange(url: URL, request: OutboundRequest, signal: AbortSignal): Promise<OutboundAnswer> {
    const addresses = await before(signal, this.guard.resolve(url.hostname, request.policy));
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    return answerOf(
      send(url, {
        method: request.method,
        headers: { ...request.headers, 'content-length': String(request.body?.length ?? 0) },
        lookup: pinnedLookup(addresses),
        // A connection of the pool might have been made to an address that nobody checked for this request.
        agent: false,
        signal,
        maxHeaderSize: MAX_HEADER_BYTES,
        ...(request.ca ? { ca: request.ca } : {}),
      }),
      request.body,
    );
  }
}

function answerOf(request: ClientRequest, body: Buffer | undefined): Promise<OutboundAnswer> {
  return new Promise((resolve, reject) => {
    let answered = false;
    const refuse = (code: string): void => {
      reject(new OutboundFailedError(code));
      request.destroy();
    };
    request.on('error', reject);
    // Without an error, but also without an answer. Behind an answer it may come before that answer's last bytes are read.
    request.on('close', () => answered || refuse('CLOSED'));
    // We never ask for another protocol; without a listener Node would close without a word (RFC 9110, section 15.2.2).
    request.on('upgrade', (_response, socket) => {
      socket.destroy();
      refuse('PROTOCOL_SWITCHED');
    });
    request.on('response', (response: IncomingMessage) => {
      if (response.statusCode === 101) return refuse('PROTOCOL_SWITCHED');
      answered = true;
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= MAX_ANSWER_BYTES) {
          chunks.push(chunk);
          return;
        }
        refuse('ANSWER_TOO_LARGE');
      });
      response.on('error', reject);
      response.on('close', () => refuse('CLOSED'));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
    });
    request.end(body);
  });
}

/** The work, or the signal's reason if that comes first. */
export function before<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

function codeOf(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : 'FAILED';
}

import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The body as sent. */
  readonly text: string;
  /** The body as JSON; undefined when it is none. */
  readonly json: any;
}

export interface Call {
  readonly headers?: Record<string, string | undefined>;
  readonly body?: unknown;
  /** Sent as it is, instead of `body`. */
  readonly raw?: string | Buffer;
  /** Source address within 127.0.0.0/8: stands for another client. */
  readonly from?: string;
}

/** A plain HTTP client that can choose its source address; keeps no cookies and follows nothing. */
export class HttpClient {
  constructor(
    readonly port: number,
    private readonly defaults: Record<string, string> = {},
    private readonly from = '127.0.0.1',
    /** Sees every answer. */
    private readonly seen: ((method: string, path: string, answer: Answer) => void) | null = null,
  ) {}

  /** The same client with more headers on every request. */
  with(headers: Record<string, string | undefined>, from = this.from): HttpClient {
    const merged = Object.entries({ ...this.defaults, ...headers }).filter(
      ([, value]) => value !== undefined,
    );
    return new HttpClient(this.port, Object.fromEntries(merged) as Record<string, string>, from, this.seen);
  }

  /** The same client, with `seen` told of every answer; what it throws fails the call. */
  watched(seen: (method: string, path: string, answer: Answer) => void): HttpClient {
    return new HttpClient(this.port, this.defaults, this.from, seen);
  }

  get(path: string, call: Call = {}): Promise<Answer> {
    return this.send('GET', path, call);
  }

  post(path: string, body?: unknown, call: Call = {}): Promise<Answer> {
    return this.send('POST', path, { ...call, body });
  }

  patch(path: string, body?: unknown, call: Call = {}): Promise<Answer> {
    return this.send('PATCH', path, { ...call, body });
  }

  delete(path: string, call: Call = {}): Promise<Answer> {
    return this.send('DELETE', path, call);
  }

  send(method: string, path: string, call: Call = {}): Promise<Answer> {
    const payload = call.raw ?? (call.body === undefined ? undefined : JSON.stringify(call.body));
    const headers: Record<string, string> = { ...this.defaults };
    if (payload !== undefined) {
      headers['content-type'] = 'application/json';
      // Node leaves it out for DELETE, and the body would be read as the next request.
      headers['content-length'] = String(Buffer.byteLength(payload));
    }
    for (const [name, value] of Object.entries(call.headers ?? {})) {
      if (value === undefined) delete headers[name];
      else headers[name] = value;
    }
    const options = {
      host: '127.0.0.1',
      port: this.port,
      method,
      path,
      headers,
      localAddress: call.from ?? this.from,
      agent: false as const,
    };
    return new Promise((resolve, reject) => {
      const request = httpRequest(options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          const answer = {
            status: response.statusCode ?? 0,
            headers: response.headers,
            text,
            json: parsed(text),
          };
          try {
            this.seen?.(method, path, answer);
            resolve(answer);
          } catch (error) {
            reject(error);
          }
        });
      });
      request.on('error', reject);
      request.end(payload);
    });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

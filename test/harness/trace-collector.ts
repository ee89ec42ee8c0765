import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Kinds of spans as OTLP numbers them. */
export const KIND = { server: 2, client: 3, consumer: 5 } as const;

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: number;
  readonly durationMs: number;
  readonly attributes: Record<string, any>;
  readonly resource: Record<string, any>;
  readonly links: { readonly traceId: string; readonly spanId: string }[];
  readonly status: { readonly code?: number; readonly message?: string };
  readonly events: unknown[];
}

/** A real receiver of OTLP over HTTP, in JSON. By default it accepts; `answer` can be set to do anything else. */
export class TraceCollector {
  readonly spans: ReceivedSpan[] = [];
  /** Everything that ever came in: request lines, headers and bodies. */
  readonly bytes: string[] = [];
  readonly paths: string[] = [];
  readonly headers: IncomingMessage['headers'][] = [];
  answer: (response: ServerResponse) => void = accept;

  private constructor(
    private readonly listener: Server,
    readonly port: number,
  ) {}

  static async listen(): Promise<TraceCollector> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const collector = new TraceCollector(server, (server.address() as AddressInfo).port);
    server.on('request', (request, response: ServerResponse) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => collector.take(request, Buffer.concat(chunks).toString(), response));
    });
    return collector;
  }

  /** With a path, so that what is appended to it shows. */
  get endpoint(): string {
    return `http://127.0.0.1:${this.port}/otlp`;
  }

  /** The span of a request, once it is here. */
  spanOf(requestId: string): ReceivedSpan {
    const found = this.spans.filter(({ attributes }) => attributes['latchkey.request_id'] === requestId);
    if (found.length !== 1) throw new Error(`${found.length} spans of request ${requestId}`);
    return found[0];
  }

  /** In the order of their beginning. */
  childrenOf(parent: ReceivedSpan): ReceivedSpan[] {
    return this.spans.filter(
      ({ traceId, parentSpanId }) => traceId === parent.traceId && parentSpanId === parent.spanId,
    );
  }

  /** Ends what is under way as well. */
  async close(): Promise<void> {
    this.listener.closeAllConnections();
    await new Promise((resolve) => this.listener.close(resolve));
  }

  private take(request: IncomingMessage, body: string, response: ServerResponse): void {
    this.bytes.push(`${request.url}\n${request.rawHeaders.join('\n')}\n${body}`);
    this.paths.push(`${request.method} ${request.url}`);
    this.headers.push(request.headers);
    this.answer(response);
    if (this.answer === accept) this.spans.push(...spansOf(JSON.parse(body)));
  }
}

export function accept(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
}

/** `ExportTraceServiceRequest` in the JSON encoding of OTLP 1.x. */
function spansOf(request: any): ReceivedSpan[] {
  return request.resourceSpans.flatMap(({ resource, scopeSpans }: any) =>
    scopeSpans.flatMap(({ spans }: any) =>
      spans.map((span: any) => ({
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId || undefined,
        name: span.name,
        kind: span.kind,
        durationMs: Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / 1e6,
        attributes: attributesOf(span.attributes),
        resource: attributesOf(resource.attributes),
        links: span.links ?? [],
        status: span.status,
        events: span.events ?? [],
      })),
    ),
  );
}

function attributesOf(list: { key: string; value: Record<string, unknown> }[]): Record<string, unknown> {
  return Object.fromEntries(list.map(({ key, value }) => [key, Object.values(value)[0]]));
}

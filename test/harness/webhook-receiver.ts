import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedWebhook {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly json: any;
}

/** A real HTTP server that keeps what it gets. By default it accepts; `answer` can be set to do anything else. */
export class WebhookServer {
  readonly received: ReceivedWebhook[] = [];
  answer: (response: ServerResponse) => void = accept;

  private constructor(
    private readonly server: Server,
    readonly host: string,
    readonly port: number,
  ) {}

  static async listen(host: string, port = 0): Promise<WebhookServer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, host, resolve));
    const receiver = new WebhookServer(server, host, (server.address() as AddressInfo).port);
    server.on('request', (request, response: ServerResponse) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        receiver.received.push({ headers: request.headers, body, json: JSON.parse(body) });
        receiver.answer(response);
      });
    });
    return receiver;
  }

  get url(): string {
    return `http://${this.host}:${this.port}/in?token=receiver-path-canary`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

export function accept(response: ServerResponse): void {
  response.writeHead(204).end();
}

/** The signature as the specification words it, computed apart from the code under test. */
export function expectedSignature(secret: string, { headers, body }: ReceivedWebhook): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const content = [headers['webhook-id'], headers['webhook-timestamp'], body].join('.');
  return `v1,${createHmac('sha256', key).update(content).digest('base64')}`;
}

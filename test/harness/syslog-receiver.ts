import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';

/** A real syslog receiver: takes octet-counted messages (RFC 5425) over TCP or TLS. */
export class SyslogServer {
  readonly messages: string[] = [];
  /** Connections that were ended by the sender after whole messages. */
  finished = 0;
  /** What is done with a new connection; reads it by default. */
  take: (socket: Socket) => void = (socket) => this.read(socket);
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async listen(host: string, tls: TlsOptions | null = null, port = 0): Promise<SyslogServer> {
    let receiver: SyslogServer | null = null;
    const onSocket = (socket: Socket): void => {
      receiver?.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => receiver?.sockets.delete(socket));
      receiver?.take(socket);
    };
    const server = tls === null ? createTcpServer(onSocket) : createTlsServer(tls, onSocket);
    server.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => server.listen(port, host, resolve));
    receiver = new SyslogServer(server, (server.address() as AddressInfo).port);
    return receiver;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private read(socket: Socket): void {
    let waiting = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      waiting = Buffer.concat([waiting, chunk]);
      for (;;) {
        const space = waiting.indexOf(' ');
        const length = Number(waiting.toString('latin1', 0, space));
        if (space < 1 || waiting.length < space + 1 + length) break;
        this.messages.push(waiting.toString('utf8', space + 1, space + 1 + length));
        waiting = waiting.subarray(space + 1 + length);
      }
    });
    socket.on('end', () => {
      if (waiting.length === 0) this.finished++;
    });
  }
}

/** One message, taken apart by the grammar of RFC 5424 section 6; throws when it does not fit. */
export function parseSyslog(text: string) {
  const head = /^<(\d{1,3})>1 (\S{1,32}) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) /.exec(
    text,
  );
  if (!head) throw new Error(`no header of RFC 5424: ${text.slice(0, 100)}`);
  const element = /^\[([!#-<>-\\^-~]{1,32})((?: [!#-<>-\\^-~]{1,32}="(?:[^"\\\]]|\\["\\\]])*")*)\]/.exec(
    text.slice(head[0].length),
  );
  if (!element) throw new Error(`no structured data of RFC 5424: ${text.slice(0, 300)}`);
  const params = Object.fromEntries(
    [...element[2].matchAll(/ ([^=]+)="((?:[^"\\\]]|\\["\\\]])*)"/g)].map(([, name, value]) => [
      name,
      value.replace(/\\(["\\\]])/g, '$1'),
    ]),
  );
  const [, priority, timestamp, hostname, app, , msgId] = head;
  const message = text.slice(head[0].length + element[0].length + 1);
  return {
    facility: Math.floor(Number(priority) / 8),
    severity: Number(priority) % 8,
    timestamp,
    hostname,
    app,
    msgId,
    sdId: element[1],
    params,
    message,
  };
}

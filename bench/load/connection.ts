import { connect, type Socket } from 'node:net';

const HEAD_END = Buffer.from('\r\n\r\n');
const READ_BYTES = 256 * 1024;

export interface Response {
  status: number;
  /** Valid until the next request on this connection: the bytes are overwritten in place. */
  body: Buffer;
}

/**
 * One keep-alive connection with one request under way, and as much HTTP/1.1 as the two servers speak. The generator
 * shares its core with PostgreSQL, so every microsecond here is missing there; `node:http` as a client costs 40 of them.
 */
export class Connection {
  private readonly read = Buffer.allocUnsafe(READ_BYTES);
  private filled = 0;
  private socket: Socket;
  private waiting: { resolve: (response: Response) => void; reject: (error: Error) => void } | undefined;

  /** The address is not a parameter: this must never be pointed at somebody else's machine. */
  static open(port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const connection = new Connection();
      const landing = Buffer.allocUnsafe(READ_BYTES);
      connection.socket = connect({
        host: '127.0.0.1',
        port,
        noDelay: true,
        onread: {
          buffer: landing,
          callback: (bytes) => {
            connection.receive(landing, bytes);
            return true;
          },
        },
      });
      connection.socket.once('connect', () => resolve(connection));
      connection.socket.on('error', (error) => {
        reject(error);
        connection.fail(error);
      });
      connection.socket.on('close', () => connection.fail(new Error('the server closed the connection')));
    });
  }

  send(request: string): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.filled = 0;
      this.waiting = { resolve, reject };
      this.socket.write(request, 'latin1');
    });
  }

  close(): void {
    this.socket.destroy();
  }

  private receive(chunk: Buffer, bytes: number): void {
    if (this.filled + bytes > this.read.length)
      return this.fail(new Error('answer larger than the read buffer'));
    chunk.copy(this.read, this.filled, 0, bytes);
    this.filled += bytes;
    const headEnd = this.read.subarray(0, this.filled).indexOf(HEAD_END);
    if (headEnd < 0) return;
    const head = this.read.toString('latin1', 0, headEnd);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head);
    if (!length) return this.fail(new Error(`answer without Content-Length:\n${head}`));
    const end = headEnd + HEAD_END.length + Number(length[1]);
    if (this.filled < end) return;
    const { waiting } = this;
    this.waiting = undefined;
    waiting?.resolve({
      status: Number(head.slice(9, 12)),
      body: this.read.subarray(headEnd + HEAD_END.length, end),
    });
  }

  private fail(error: Error): void {
    this.waiting?.reject(error);
    this.waiting = undefined;
  }
}

import { pino } from 'pino';

/** Beyond it lines are dropped: a disk that stays full must not fill the memory as well. */
const MAX_WAITING_BYTES = 16 * 1_048_576;

/** The types of the library know its text mode only. */
type Bytes = Omit<ReturnType<typeof pino.destination>, 'write'> & { write(bytes: Buffer): boolean };

/**
 * A log's output that gathers lines: a write per line would cost as much as the routing of a request. At most 100 ms of
 * them are lost in a crash. It gathers bytes, because of gathered text the library measures all anew with each line.
 */
export class ByteStream {
  private readonly bytes: Bytes;
  /** The last write was refused. The library would then repeat a synchronous one for ever. */
  private failing = false;
  private closed = false;
  private dropped = 0;

  /** @param minLength bytes that are written together */
  constructor(fd: number, minLength: number, maxWaitingBytes = MAX_WAITING_BYTES) {
    const gathering = { minLength, maxLength: maxWaitingBytes, periodicFlush: 100, sync: false };
    const options = { fd, ...gathering, contentMode: 'buffer' } as const;
    this.bytes = pino.destination(options) as unknown as Bytes;
    this.bytes.on('error', () => this.refused());
    this.bytes.on('write', () => (this.failing = false));
    this.bytes.on('drop', () => this.dropped++);
    this.bytes.on('drain', () => this.tellDropped());
  }

  write(line: Buffer): void {
    if (!this.closed) this.bytes.write(line);
  }

  /** Starts writing what is gathered; gives it up when nothing can be written. */
  flush(): void {
    if (this.failing) this.end();
    else if (!this.closed) this.bytes.flush();
  }

  /** The same, and returns when it is written. */
  flushSync(): void {
    if (this.failing) this.end();
    else if (!this.closed) this.bytes.flushSync();
  }

  /** Takes no more, writes what is gathered, and closes; gives it up when nothing can be written. */
  end(): void {
    if (this.closed) return;
    this.closed = true;
    if (this.failing) this.bytes.destroy();
    else this.bytes.end();
  }

  private refused(): void {
    this.failing = true;
    if (this.closed) this.bytes.destroy();
  }

  /** Whoever reads the log must see where it has a hole. */
  private tellDropped(): void {
    if (this.dropped === 0 || this.closed) return;
    const line = {
      level: 40,
      time: new Date().toISOString(),
      dropped: this.dropped,
      msg: 'log lines were dropped',
    };
    this.dropped = 0;
    this.bytes.write(Buffer.from(`${JSON.stringify(line)}\n`));
  }
}

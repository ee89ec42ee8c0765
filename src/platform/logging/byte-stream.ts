import { pino } from 'pino';

type Destination = ReturnType<typeof pino.destination>;

/** The types of the library know its text mode only. */
export type ByteStream = Omit<Destination, 'write'> & { write(bytes: Buffer): boolean };

/**
 * A log's output that gathers lines: a write per line would cost as much as the routing of a request. At most 100 ms of
 * them are lost in a crash. It takes bytes, because of gathered text the library measures all anew with each line.
 * @param minLength bytes that are written together
 */
export function byteStream(fd: number, minLength: number): ByteStream {
  const options = { fd, minLength, periodicFlush: 100, sync: false, contentMode: 'buffer' } as const;
  return pino.destination(options) as unknown as ByteStream;
}

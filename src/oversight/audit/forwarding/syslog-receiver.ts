import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { hostname } from 'node:os';
import { connect as connectTls } from 'node:tls';
import { before } from '../../../platform/net/outbound-http.js';
import { type OutboundGuard, pinnedLookup } from '../../../platform/net/outbound-url.js';
import type { Delivery } from './delivery.js';
import { DeliveryError, failureCode, Receiver } from './receiver.js';
import { framed, messagesOf } from './syslog-message.js';

const TIMEOUT_MS = 15_000;
/** A receiver that closes or resets within this time after our last byte did not mean to keep it. */
const STAY_MS = 250;
const TLS_PORT = 6514;
const TCP_PORT = 601;

/**
 * Syslog (RFC 5424) over TLS (RFC 5425) or TCP. The protocol has no acknowledgement, so each delivery has a connection
 * of its own that we close for writing when all is written: a receiver that has read to the end closes too, and that
 * is what we wait for. One that was killed or hangs with unread bytes does not. What a receiver has read and lost
 * before it stored it is beyond the protocol.
 */
export class SyslogReceiver extends Receiver {
  readonly kind = 'syslog';
  private readonly url: URL;
  private readonly port: number;
  private readonly secure: boolean;

  /** @throws OutboundRefusedError when the URL can never be allowed */
  constructor(
    url: string,
    private readonly ca: string | null,
    private readonly guard: OutboundGuard,
  ) {
    super();
    this.secure = url.startsWith('syslog+tls:');
    this.port = Number(new URL(url).port || (this.secure ? TLS_PORT : TCP_PORT));
    // Under a scheme that it knows, the parser leaves one spelling of the host.
    this.url = guard.read(url.replace(/^syslog\+(tls|tcp):/, 'https:'), this.policy);
  }

  private get policy() {
    return this.secure ? this.guard.forOperator : this.guard.forOperatorInside;
  }

  async deliver(delivery: Delivery, signal: AbortSignal): Promise<void> {
    const deadline = AbortSignal.timeout(TIMEOUT_MS);
    const either = AbortSignal.any([deadline, signal]);
    const name = hostname();
    const frames = delivery.batches.flatMap((batch) => messagesOf(batch, name).map(framed));
    try {
      const socket = await this.connect(either);
      await handOver(socket, this.secure ? 'secureConnect' : 'connect', Buffer.concat(frames), either);
    } catch (error) {
      throw new DeliveryError(deadline.aborted ? 'TIMEOUT' : failureCode(error));
    }
  }

  private async connect(signal: AbortSignal): Promise<Socket> {
    const addresses = await before(signal, this.guard.resolve(this.url.hostname, this.policy));
    const host = this.url.hostname.replace(/^\[|\]$/g, '');
    const options = { host, port: this.port, lookup: pinnedLookup(addresses), allowHalfOpen: true };
    if (!this.secure) return connectTcp(options);
    return connectTls({
      ...options,
      ...(isIP(host) ? {} : { servername: host }),
      ...(this.ca === null ? {} : { ca: this.ca }),
    });
  }
}

/** Writes everything, sees the other side stay, ends our side, and waits until the other side has ended too. */
function handOver(socket: Socket, ready: string, bytes: Buffer, signal: AbortSignal): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const stop = (): void => void socket.destroy(new DeliveryError('ABORTED'));
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    let written = false;
    let read = false;
    let wait: NodeJS.Timeout | null = null;
    socket.on('error', reject);
    socket.on('finish', () => (written = true));
    // An end that comes before ours is not that of a receiver which has read everything.
    socket.on('end', () => (written ? (read = true) : socket.destroy(new DeliveryError('CLOSED_EARLY'))));
    socket.on('close', () => {
      if (wait) clearTimeout(wait);
      signal.removeEventListener('abort', stop);
      if (written && read) resolve();
      else reject(new DeliveryError('CLOSED_EARLY'));
    });
    socket.resume();
    // Not a byte before the certificate was checked.
    socket.once(ready, () => {
      socket.write(bytes, () => (wait = setTimeout(() => socket.end(), STAY_MS)));
    });
  });
}

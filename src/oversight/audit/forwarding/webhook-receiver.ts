import { createHash } from 'node:crypto';
import type { Clock } from '../../../platform/clock/clock.js';
import type { OutboundHttp } from '../../../platform/net/outbound-http.js';
import type { OutboundPolicy } from '../../../platform/net/outbound-url.js';
import { webhookHeaders } from '../../../platform/net/standard-webhooks.js';
import type { Delivery } from './delivery.js';
import { DeliveryError, failureCode, Receiver } from './receiver.js';

export interface WebhookTarget {
  readonly url: string;
  readonly secrets: readonly string[];
  readonly policy: OutboundPolicy;
  readonly ca: string | null;
}

/** Posts deliveries as JSON, signed as Standard Webhooks says. Any 2xx accepts; a redirect does not. */
export class WebhookReceiver extends Receiver {
  readonly kind = 'webhook';

  constructor(
    private readonly target: WebhookTarget,
    private readonly http: OutboundHttp,
    private readonly clock: Clock,
  ) {
    super();
  }

  async deliver(delivery: Delivery, signal: AbortSignal): Promise<void> {
    const { url, secrets, policy, ca } = this.target;
    const body = bodyOf(delivery);
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'Latchkey',
      ...webhookHeaders(secrets, idOf(body), this.clock.nowMs(), body),
    };
    const { status } = await this.http
      .send({ url, policy, method: 'POST', headers, body, signal, ca })
      .catch((error: unknown) => {
        throw new DeliveryError(failureCode(error));
      });
    if (status < 200 || status > 299) throw new DeliveryError(`HTTP_${status}`);
  }
}

/** The same text for the same rows, whenever it is made. */
function bodyOf({ batches }: Delivery): Buffer {
  const timestamp = batches[batches.length - 1].seal.sealedAt;
  return Buffer.from(JSON.stringify({ type: 'audit.batches', timestamp, data: { batches } }));
}

/**
 * From the content: after a crash the same place of the log may go out together with more rows, and a receiver that
 * drops what it has seen must not take that for a repetition.
 */
function idOf(body: Buffer): string {
  return `msg_${createHash('sha256').update(body).digest('base64url')}`;
}

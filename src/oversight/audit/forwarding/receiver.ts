import type { Delivery } from './delivery.js';

/** Who gets the audit log. */
export abstract class Receiver {
  abstract readonly kind: 'webhook' | 'syslog';

  /**
   * Hands a delivery over; resolves once the receiver has accepted all of it.
   * @throws DeliveryError otherwise; part of it may have arrived
   */
  abstract deliver(delivery: Delivery, signal: AbortSignal): Promise<void>;
}

/** The receiver did not accept a delivery. */
export class DeliveryError extends Error {
  constructor(
    /** A word for logs and the status: `HTTP_500`, the system's error code, `TIMEOUT`, `OUTBOUND_REFUSED`, `CLOSED_EARLY`. */
    readonly code: string,
  ) {
    super(`the receiver of the audit log did not accept a delivery: ${code}`);
    this.name = 'DeliveryError';
  }
}

/** The word for an error of any kind. */
export function failureCode(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : 'FAILED';
}

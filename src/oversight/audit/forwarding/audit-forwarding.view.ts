/** How the forwarding of the audit log goes. */
export class AuditForwardingView {
  /** Kind of receiver; null when `AUDIT_FORWARD_URL` is not set. */
  receiver: 'webhook' | 'syslog' | null;
  /** Signed batches that the receiver has not accepted yet, counted up to 10,000; 0 without a receiver. */
  waitingBatches: number;
  /** Age of the oldest of them; 0 when none waits. */
  lagSeconds: number;
  /** When the receiver last accepted something, ISO 8601. */
  deliveredAt: string | null;
  /** Since when deliveries fail, ISO 8601; null while they succeed. */
  failingSince: string | null;
  /** Why the last one failed, such as `HTTP_500`, `ECONNREFUSED`, `TIMEOUT` or `OUTBOUND_REFUSED`. */
  failure: string | null;
  /** Failed tries in a row. */
  attempts: number;
}

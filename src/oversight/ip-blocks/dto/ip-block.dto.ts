/** An address that is kept out for a while. */
export class IpBlockView {
  id: string;
  /** The IPv4 address, or the /64 of an IPv6 address. */
  subject: string;
  /** What it did, in one word. */
  reason: string;
  /** 1 is blocked for 15 minutes, 2 for an hour, more for 24 hours. */
  offence: number;
  blockedAt: string;
  blockedUntil: string;
}

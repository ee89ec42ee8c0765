import { type AddressList, normalizeAddress } from './cidr.js';

/**
 * The address a request is counted, allowed and recorded under (contract section 3): the socket's, unless the peer is
 * a trusted proxy. Then X-Forwarded-For is read from the right, where the nearest proxy wrote, past trusted proxies,
 * to the first address that nobody we trust vouches for. Reading stops at anything that is not a plain address; the
 * last good one stands. What a client writes itself stands further left and is never reached.
 *
 * `Forwarded`, `X-Real-IP` and their like are not read: a proxy that does not set them would pass a client's through.
 *
 * @param socketAddress the socket's `remoteAddress`; a zone id of a link-local peer is dropped
 * @param xForwardedFor the header's value, or its values in the order received
 * @returns the address in its one spelling; the socket's text as it is when that cannot be read
 */
export function clientAddress(
  socketAddress: string,
  xForwardedFor: string | readonly string[] | undefined,
  trusted: AddressList,
): string {
  const peer = normalizeAddress(withoutZone(socketAddress));
  if (peer === null) return socketAddress;
  if (xForwardedFor === undefined || !trusted.has(peer)) return peer;

  const header = typeof xForwardedFor === 'string' ? xForwardedFor : xForwardedFor.join(',');
  let nearest = peer;
  let end = header.length;
  while (end > 0) {
    const comma = header.lastIndexOf(',', end - 1);
    const hop = normalizeAddress(trimSpace(header.slice(comma + 1, end)));
    if (hop === null) return nearest;
    if (!trusted.has(hop)) return hop;
    nearest = hop;
    end = comma;
  }
  return nearest;
}

function withoutZone(address: string): string {
  const percent = address.indexOf('%');
  return percent < 0 ? address : address.slice(0, percent);
}

/** Optional white space of RFC 9110 section 5.6.3: spaces and tabs, nothing else. */
function trimSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start += 1;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

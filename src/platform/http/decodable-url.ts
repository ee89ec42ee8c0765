import type { IncomingMessage } from 'node:http';

/**
 * Of a request's line and headers together: Node's default, said here because it is the router's limit of a parameter as
 * well. What is longer than that limit the router would answer itself; so no parameter is, and each is judged by its route's pipe.
 */
export const MAX_HEAD_BYTES = 16_384;

/** The absolute form of a request's target (RFC 9112, section 3.2.2) begins with what decides nothing here. */
const AUTHORITY = /^https?:\/\/[^/?#]*/i;
/** A `%` without two hex digits, and bytes beyond ASCII: when a path does not decode, one of these is why. */
const UNDECODABLE = /%(?:[89a-f][0-9a-f]|(?![0-9a-f]{2}))/gi;
const REPLACEMENT = '\uFFFD';

/**
 * The router itself answers a target that it cannot read, before any hook: without blocks of addresses, limits, traps or a
 * log line. So what does not decode is replaced, as decoders of UTF-8 do, and the request goes the way of every other one;
 * nothing but a 404 or a refused parameter lies at its end. Never longer than what came: this runs before every limit.
 */
export function decodableUrl({ url = '' }: Pick<IncomingMessage, 'url'>): string {
  const target = url.startsWith('/') ? url : originForm(url);
  if (!target.includes('%')) return target;
  const end = target.search(/[?#]/);
  const path = end < 0 ? target : target.slice(0, end);
  try {
    decodeURIComponent(path);
    return target;
  } catch {
    return path.replace(UNDECODABLE, REPLACEMENT) + target.slice(path.length);
  }
}

function originForm(url: string): string {
  const rest = url.replace(AUTHORITY, '');
  return rest === url || rest.startsWith('/') ? rest : `/${rest}`;
}

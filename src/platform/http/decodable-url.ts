import type { IncomingMessage } from 'node:http';

/** Longer than any path can be: Node refuses heads above 16 KiB. A parameter is judged by its route's own pipe. */
export const MAX_PARAMETER_LENGTH = 16_384;

/**
 * The router itself answers a path that it cannot decode, before any hook: without blocks of addresses, limits, traps or a
 * log line. So a path with a stray `%`, or with bytes that are no UTF-8, is taken literally instead (as the URL Standard's
 * parser does) and goes the way of every request; nothing but a 404 or a refused parameter lies at its end.
 */
export function decodableUrl({ url = '' }: Pick<IncomingMessage, 'url'>): string {
  if (!url.includes('%')) return url;
  const end = url.search(/[?#]/);
  const path = end < 0 ? url : url.slice(0, end);
  try {
    decodeURIComponent(path);
    return url;
  } catch {
    return path.replaceAll('%', '%25') + url.slice(path.length);
  }
}

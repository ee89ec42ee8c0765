import { isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';
import { parseCidr } from '../net/cidr.js';

/**
 * The kinds of environment variables. Values may be secrets, so each rule carries its whole error text and no piece
 * reports what it was given.
 */

/** How many requests a caller may make within a fixed window. */
export interface RateLimit {
  readonly limit: number;
  readonly windowSeconds: number;
}

/** A variable that is read by `read`; `undefined` from `read` means that the rule is broken. */
export function variable<T>(rule: string, read: (text: string) => T | undefined) {
  const missing = `is missing; it ${rule}`;
  return z
    .string({ error: (issue) => (issue.input === undefined ? missing : rule) })
    .transform((text, ctx) => {
      const value = read(text);
      if (value === undefined) {
        ctx.addIssue({ code: 'custom', message: rule });
        return z.NEVER;
      }
      return value;
    });
}

export function matching(rule: string, test: (text: string) => boolean) {
  return variable(rule, (text) => (test(text) ? text : undefined));
}

export function oneOf<const T extends readonly string[]>(names: T) {
  return z.enum(names, { error: `must be one of ${names.join(', ')}` });
}

/** An optional variable is `null` when it is not set, so no reader meets `undefined`. */
export function optional<T extends z.ZodType>(piece: T) {
  return piece.nullable().default(null);
}

export function boolean() {
  return z.stringbool({
    truthy: ['true', '1'],
    falsy: ['false', '0'],
    case: 'sensitive',
    error: 'must be true, false, 1 or 0',
  });
}

export function wholeNumber(min: number, max: number) {
  return variable(`must be a whole number from ${min} to ${max}`, (text) => {
    const value = /^(?:0|[1-9]\d{0,8})$/.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? value : undefined;
  });
}

export function rateLimit(standard: string) {
  return variable<RateLimit>('must be N/seconds, for example 100/900', (text) => {
    const parts = /^([1-9]\d{0,6})\/([1-9]\d{0,4})$/.exec(text);
    return parts ? Object.freeze({ limit: Number(parts[1]), windowSeconds: Number(parts[2]) }) : undefined;
  }).prefault(standard);
}

/** A comma list; blanks around an item are dropped, an empty item (a stray comma) breaks the rule. */
export function list(rule: string, read: (item: string) => string | undefined) {
  return variable<readonly string[]>(rule, (text) => {
    const items: string[] = [];
    for (const part of text.split(',')) {
      const item = read(part.trim());
      if (item === undefined) return undefined;
      items.push(item);
    }
    return items;
  })
    .default([])
    .transform((items) => Object.freeze(items));
}

/** Ranges of proxies, of addresses that are never blocked, and the like. Not `/0`: a list of everything is a mistake. */
export function ranges() {
  return list(
    'must be a comma list of CIDR ranges (IPv4 or IPv6, no bits after the prefix, never /0)',
    (text) => {
      const range = parseCidr(text);
      return range && range.prefixLength > 0 ? range.text : undefined;
    },
  );
}

export function parseUrl(text: string): URL | null {
  // URL() quietly drops tabs and line breaks, which other parsers of the same text keep.
  return /\s/.test(text) || !URL.canParse(text) ? null : new URL(text);
}

/** A connection URL, kept as it was written: its driver reads user, password and options from it. */
export function connectionUrl(...schemes: readonly string[]) {
  const rule = `must be a URL that starts with ${schemes.map((scheme) => `${scheme}//`).join(' or ')}`;
  return matching(rule, (text) => schemes.includes(parseUrl(text)?.protocol ?? ''));
}

/** An address that paths are appended to; returned without its last slash. */
export function baseUrl(...schemes: readonly string[]) {
  const names = schemes.map((scheme) => `${scheme}//`).join(' or ');
  return variable(`must be a URL that starts with ${names} and has no user, query or fragment`, (text) => {
    const url = parseUrl(text);
    if (!url || !schemes.includes(url.protocol) || url.username || url.password || /[?#]/.test(text))
      return undefined;
    return url.href.replace(/\/+$/, '');
  });
}

export function readOrigin(text: string): string | undefined {
  const url = parseUrl(text);
  return url && /^https?:$/.test(url.protocol) && url.origin === text ? text : undefined;
}

export function isHost(text: string): boolean {
  if (isIPv4(text) || (isIPv6(text) && !text.includes('%'))) return true;
  const looksNumeric = /(?:^|\.)\d+$/.test(text);
  return !looksNumeric && /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})$/.test(text);
}

export function path() {
  return matching('must be a path', (text) => !text.includes('\0'));
}

export function credential() {
  return matching('must not contain blanks or control characters', (text) =>
    /^[^\s\p{Cc}]{1,512}$/u.test(text),
  );
}

import { hash } from 'node:crypto';
import { canonicalJson } from './canonical-json.js';
import type { StoredRow } from './stored-row.js';

/** What the writer knows of a row before the database adds time and transaction; values are canonical JSON, the address canonical. */
export type WrittenRow = Omit<StoredRow, 'createdAt' | 'writtenIn' | 'contentDigest' | 'mac'>;

/** One text for what the application writes of a row. */
export function contentText(row: WrittenRow): string {
  return JSON.stringify([
    row.teamId,
    row.id,
    row.action,
    row.resourceType,
    row.resourceId,
    row.userId,
    row.apiKeyId,
    row.authMethod,
    row.oldValues,
    row.newValues,
    row.sealed,
    row.ipAddress,
    row.userAgent,
    row.requestId,
  ]);
}

/** Hex, SHA-256 of {@link contentText}: what the seal knows of a row, besides what the database added. */
export function contentDigestOf(row: WrittenRow): string {
  return hash('sha256', `latchkey-audit-content-v2\n${contentText(row)}`, 'hex');
}

/** What must have been written for this to be stored; null when we cannot have written it, whatever a file makes of a row. */
export function writtenOf(row: StoredRow): WrittenRow | null {
  try {
    const [oldValues, newValues] = [canonicalText(row.oldValues), canonicalText(row.newValues)];
    return Object.assign({}, row, { oldValues, newValues, ipAddress: canonicalAddress(row.ipAddress) });
  } catch {
    // Not JSON, not an address, or nested deeper than a program can follow.
    return null;
  }
}

/** PostgreSQL gives back names in its own order and with spaces, both of which say nothing. */
function canonicalText(text: string | null): string | null {
  if (text === null) return null;
  const canonical = canonicalJson(JSON.parse(text));
  if (!spellsNumbersAsWe(text)) throw new Error('a number that we do not write');
  return canonical;
}

/** Of JSON: either a string, which may hold anything, or a number. */
const STRING_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g;

/** `jsonb` keeps every digit that somebody writes, and JavaScript reads many of them as one number. */
function spellsNumbersAsWe(json: string): boolean {
  for (const [token] of json.matchAll(STRING_OR_NUMBER)) {
    if (token.startsWith('"')) continue;
    const ours = String(Number(token));
    if (token !== ours && token !== inFull(ours)) return false;
  }
  return true;
}

/** A number without its exponent, as `jsonb` gives it back. */
function inFull(text: string): string {
  const [, sign, whole, fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(text) ?? [];
  if (whole === undefined) return text;
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  if (point >= digits.length) return sign + digits + '0'.repeat(point - digits.length);
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** One spelling of an IPv6 address: ours and PostgreSQL's may differ. */
export function canonicalAddress(address: string | null): string | null {
  return address?.includes(':') ? new URL(`http://[${address}]`).hostname : address;
}

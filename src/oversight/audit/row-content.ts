import { hash } from 'node:crypto';
import { canonicalJson } from './canonical-json.js';
import type { StoredRow } from './stored-row.js';

/** What the writer knows of a row before the database adds time and transaction; values are canonical JSON. */
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
    canonicalAddress(row.ipAddress),
    row.userAgent,
    row.requestId,
  ]);
}

/** SHA-256 of {@link contentText}: what the seal knows of a row, besides what the database added. */
export function contentDigestOf(row: WrittenRow): Buffer {
  return hash('sha256', `latchkey-audit-content-v2\n${contentText(row)}`, 'buffer');
}

/** What must have been written for this to be stored; null when we cannot have written it. */
export function writtenOf(row: StoredRow): WrittenRow | null {
  try {
    const oldValues = canonicalText(row.oldValues);
    return Object.assign({}, row, { oldValues, newValues: canonicalText(row.newValues) });
  } catch {
    // Some values nest deeper than a program can follow; those are not ours.
    return null;
  }
}

/** PostgreSQL gives back names in its own order and with spaces, both of which say nothing. */
function canonicalText(text: string | null): string | null {
  if (text === null) return null;
  if (!spellsNumbersAsWe(text)) throw new Error('a number that JSON.stringify does not write');
  return canonicalJson(JSON.parse(text));
}

/** Either a string, which may hold anything, or a number. */
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;

/** `jsonb` keeps every digit that somebody writes, and JavaScript reads many of them as one number. */
function spellsNumbersAsWe(text: string): boolean {
  for (const [token] of text.matchAll(STRING_OR_NUMBER)) {
    if (token.startsWith('"')) continue;
    const ours = String(Number(token));
    // PostgreSQL writes without an exponent what we write with one.
    if (ours !== token && !ours.includes('e')) return false;
  }
  return true;
}

/** One spelling of an IPv6 address: ours and PostgreSQL's may differ. */
function canonicalAddress(address: string | null): string | null {
  return address?.includes(':') ? new URL(`http://[${address}]`).hostname : address;
}

import { hash } from 'node:crypto';
import { contentDigestOf, writtenOf } from './row-content.js';
import { FIRST_NAMES, type RowMark, type StoredRow } from './stored-row.js';

/**
 * Hex, SHA-256 over everything that is stored of a row, sealed personal values in their encrypted form: erasing a
 * subject's data key leaves the digest as it is.
 */
export function digestOf(row: StoredRow): string {
  // A line of an export from before version 2 does not have the field.
  if ((row.contentDigest ?? null) === null) return firstDigestOf(row);
  const written = writtenOf(row);
  const found = written === null ? null : contentDigestOf(written);
  // What does not hold what it says it holds has a digest that no seal has.
  return markDigestOf(found === row.contentDigest ? row : { ...row, contentDigest: null });
}

/** The same from a row's mark, for a row whose contents are what its content digest says. */
export function markDigestOf({
  teamId,
  id,
  createdAt,
  writtenIn,
  contentDigest: content,
  mac,
}: RowMark): string {
  const text = `latchkey-audit-row-v2\n${teamId}\n${id}\n${createdAt}\n${writtenIn}\n${content}\n${mac}`;
  return hash('sha256', text, 'hex');
}

function firstDigestOf(row: StoredRow): string {
  const text = JSON.stringify(FIRST_NAMES.map((name) => row[name]));
  return hash('sha256', `latchkey-audit-row-v1\n${text}`, 'hex');
}

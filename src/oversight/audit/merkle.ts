import { hash } from 'node:crypto';

/** Hex digits of a SHA-256. Digests are texts here: one that is a buffer costs twice what hashing it does. */
export const DIGEST_DIGITS = 64;
const DIGEST_BYTES = DIGEST_DIGITS / 2;
const OTHER_THAN_HEX = /[^0-9a-f]/;

/** What stands before the first batch of a team. */
export const NO_ROOT = '0'.repeat(DIGEST_DIGITS);

const LEAF = 0;
const NODE = 1;

/** Leaf of a row: its id and its digest, so that the id of a row that vanished is still vouched for. */
function leafOf(id: string, digest: string): string {
  const idBytes = Buffer.byteLength(id);
  const bytes = Buffer.allocUnsafe(1 + idBytes + DIGEST_BYTES);
  bytes[0] = LEAF;
  bytes.write(id, 1);
  bytes.write(digest, 1 + idBytes, 'hex');
  return hash('sha256', bytes, 'hex');
}

function nodeOf(left: string, right: string): string {
  const bytes = Buffer.allocUnsafe(1 + 2 * DIGEST_BYTES);
  bytes[0] = NODE;
  bytes.write(left, 1, 'hex');
  bytes.write(right, 1 + DIGEST_BYTES, 'hex');
  return hash('sha256', bytes, 'hex');
}

/**
 * Merkle tree hash of the rows of a batch in their order, with separate prefixes for leaves and nodes
 * (RFC 6962, section 2.1): no node can be passed off as a row.
 * @param digests 64 hex digits each, in lower case
 * @returns hex
 */
export function merkleRoot(ids: readonly string[], digests: readonly string[]): string {
  if (ids.length === 0 || ids.length !== digests.length)
    throw new Error('a batch has rows, and a digest of each');
  // What is not hex would leave bytes of a leaf as they were in memory.
  if (!digests.every((digest) => digest.length === DIGEST_DIGITS && !OTHER_THAN_HEX.test(digest)))
    throw new Error('a digest has 64 hex digits');
  let level = ids.map((id, index) => leafOf(id, digests[index]));
  while (level.length > 1) {
    const next: string[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const right = level[i + 1];
      next.push(right === undefined ? level[i] : nodeOf(level[i], right));
    }
    level = next;
  }
  return level[0];
}

/** Cuts digests that are stored one after the other; none when that is not what the text is. */
export function splitDigests(joined: string): string[] {
  if (joined.length % DIGEST_DIGITS !== 0 || OTHER_THAN_HEX.test(joined)) return [];
  return Array.from({ length: joined.length / DIGEST_DIGITS }, (_, i) =>
    joined.slice(i * DIGEST_DIGITS, (i + 1) * DIGEST_DIGITS),
  );
}

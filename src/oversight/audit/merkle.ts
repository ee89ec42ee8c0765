import { hash } from 'node:crypto';

export const DIGEST_BYTES = 32;

/** What stands before the first batch of a team. */
export const NO_ROOT = Buffer.alloc(DIGEST_BYTES);

const LEAF = Buffer.of(0);
const NODE = Buffer.of(1);

/** Leaf of a row: its id and its digest, so that the id of a row that vanished is still vouched for. */
function leafOf(id: string, digest: Buffer): Buffer {
  return sha256([LEAF, Buffer.from(id), digest]);
}

/** In one call: an object for each of the two hashes of a row costs more than the hash. */
function sha256(parts: readonly Buffer[]): Buffer {
  return hash('sha256', Buffer.concat(parts), 'buffer');
}

/**
 * Merkle tree hash of the rows of a batch in their order, with separate prefixes for leaves and nodes
 * (RFC 6962, section 2.1): no node can be passed off as a row.
 * @param digests 32 bytes each
 */
export function merkleRoot(ids: readonly string[], digests: readonly Buffer[]): Buffer {
  if (ids.length === 0 || ids.length !== digests.length)
    throw new Error('a batch has rows, and a digest of each');
  let level = ids.map((id, index) => leafOf(id, digests[index]));
  while (level.length > 1) {
    const next: Buffer[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const right = level[i + 1];
      next.push(right === undefined ? level[i] : sha256([NODE, level[i], right]));
    }
    level = next;
  }
  return level[0];
}

/** Cuts digests that are stored one after the other. */
export function splitDigests(joined: Buffer): Buffer[] {
  return Array.from({ length: joined.length / DIGEST_BYTES }, (_, i) =>
    joined.subarray(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES),
  );
}

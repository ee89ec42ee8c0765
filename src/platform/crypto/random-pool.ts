import { randomFillSync } from 'node:crypto';

const POOL_BYTES = 4096;
const pool = Buffer.alloc(POOL_BYTES);
let used = POOL_BYTES;

/**
 * Random bytes of the operating system's generator for keys, IVs and ids, drawn in blocks: one call serves many. What was handed out is
 * wiped from the block, so that it stays nowhere but with its owner.
 * @param length at most 4,096 bytes
 */
export function pooledRandom(length: number): Buffer {
  if (length > POOL_BYTES) throw new RangeError('draw large amounts directly');
  if (used + length > POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  const drawn = Buffer.allocUnsafe(length);
  pool.copy(drawn, 0, used, used + length);
  pool.fill(0, used, used + length);
  used += length;
  return drawn;
}

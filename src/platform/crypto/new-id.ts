import { randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';

const ID_BYTES = 16;

/** Random bytes drawn in blocks: one system call serves many ids. */
const pool = Buffer.alloc(ID_BYTES * 256);
let used = pool.length;
let lastMs = -Infinity;
let sequence = 0;

/**
 * A UUIDv7 (RFC 9562, section 5.7) for a record or an audit row: ids of one process rise, also within a millisecond
 * (section 6.2, a counter that starts at random).
 */
export function newId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const random = pool.subarray(used, used + ID_BYTES);
  used += ID_BYTES;
  const nowMs = Date.now();
  if (nowMs > lastMs) {
    lastMs = nowMs;
    sequence = random.readUInt32BE(6) & 0x7fffffff;
  } else {
    sequence = (sequence + 1) | 0;
    if (sequence === 0) lastMs++;
  }
  return v7({ random, msecs: lastMs, seq: sequence });
}

import { v7 } from 'uuid';
import { pooledRandom } from './random-pool.js';

const ID_BYTES = 16;
/** A clock that was ahead by more than this and is right again is followed; ids of a false hour would be taken for foreign ones. */
const STEP_BACK_MS = 60_000;

let lastMs = -Infinity;
let sequence = 0;

/**
 * A UUIDv7 (RFC 9562, section 5.7) for a record or an audit row: ids of one process rise, also within a millisecond
 * (section 6.2, a counter that starts at random) and while a clock goes back a little.
 */
export function newId(): string {
  const random = pooledRandom(ID_BYTES);
  const nowMs = Date.now();
  if (nowMs > lastMs || lastMs - nowMs > STEP_BACK_MS) {
    lastMs = nowMs;
    sequence = random.readUInt32BE(6) & 0x7fffffff;
  } else {
    sequence = (sequence + 1) | 0;
    if (sequence === 0) lastMs++;
  }
  return v7({ random, msecs: lastMs, seq: sequence });
}

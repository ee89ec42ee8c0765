import { createCipheriv, createDecipheriv } from 'node:crypto';
import { pooledRandom } from './random-pool.js';

const VERSION = 1;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const HEADER_BYTES = 1 + IV_BYTES + TAG_BYTES;
const ALGORITHM = 'aes-256-gcm';

/** A sealed value that was changed, moved to another place, or sealed with another key. */
export class IntegrityError extends Error {
  constructor(message = 'a sealed value failed its integrity check') {
    super(message);
    this.name = 'IntegrityError';
  }
}

/**
 * AES-256-GCM (NIST SP 800-38D) with a random 96-bit IV. The layout is `version[1] | iv[12] | tag[16] | ciphertext`.
 * @param key 32 bytes; seals at most 2^32 values
 * @param place additional data that binds the value to its place: purpose, table, row, field, tenant
 */
export function seal(key: Buffer, plaintext: string | Buffer, place: string): Buffer {
  const iv = pooledRandom(IV_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, iv);
  cipher.setAAD(Buffer.from(place));
  const body = typeof plaintext === 'string' ? cipher.update(plaintext, 'utf8') : cipher.update(plaintext);
  cipher.final();
  const sealed = Buffer.allocUnsafe(HEADER_BYTES + body.length);
  sealed[0] = VERSION;
  iv.copy(sealed, 1);
  cipher.getAuthTag().copy(sealed, 1 + IV_BYTES);
  body.copy(sealed, HEADER_BYTES);
  return sealed;
}

/**
 * Opens what {@link seal} made.
 * @throws IntegrityError when the value, the key or the place is not the one it was sealed with
 */
export function open(key: Buffer, sealed: Buffer, place: string): Buffer {
  if (sealed.length < HEADER_BYTES || sealed[0] !== VERSION) throw new IntegrityError();
  const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(1, 1 + IV_BYTES));
  decipher.setAAD(Buffer.from(place));
  decipher.setAuthTag(sealed.subarray(1 + IV_BYTES, HEADER_BYTES));
  try {
    const plaintext = decipher.update(sealed.subarray(HEADER_BYTES));
    decipher.final();
    return plaintext;
  } catch {
    throw new IntegrityError();
  }
}

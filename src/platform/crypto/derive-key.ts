import { hkdfSync } from 'node:crypto';

/**
 * A 32-byte key for one purpose, by HKDF-SHA-256 (RFC 5869).
 * @param master at least 32 bytes of secret
 * @param salt separates tenants; the purpose separates uses
 */
export function deriveKey(master: Buffer, salt: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', master, Buffer.from(salt), Buffer.from(`latchkey/${purpose}`), 32));
}

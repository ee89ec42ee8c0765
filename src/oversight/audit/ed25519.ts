import { createHash, type KeyObject, verify } from 'node:crypto';

/** Sixteen hex digits that name a public key. */
export function keyIdOf(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ format: 'der', type: 'spki' }))
    .digest('hex')
    .slice(0, 16);
}

/** Ed25519 (RFC 8032). */
export function isSignedBy(publicKey: KeyObject, text: string, signatureHex: string): boolean {
  return verify(null, Buffer.from(text), publicKey, Buffer.from(signatureHex, 'hex'));
}

import { createHmac, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { deriveKey } from '../../platform/crypto/derive-key.js';
import { isSignedBy, keyIdOf } from './ed25519.js';

/** DER of an Ed25519 private key up to its 32-byte seed (RFC 8410, section 7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const SEED_BYTES = 32;

/** One key of the audit log: whole, or its public half once the seed was put away. */
export class SigningKey {
  /** Sixteen hex digits of the public key's SHA-256. */
  readonly keyId: string;
  readonly publicKeyPem: string;

  private constructor(
    private readonly publicKey: KeyObject,
    private readonly privateKey: KeyObject | null,
    private readonly macKey: Buffer | null,
  ) {
    this.keyId = keyIdOf(publicKey);
    this.publicKeyPem = publicKey.export({ format: 'pem', type: 'spki' }).toString();
  }

  /** @param text base64 of the 32-byte seed, or of the 44-byte SubjectPublicKeyInfo (the middle line of its PEM) */
  static from(text: string): SigningKey {
    const bytes = Buffer.from(text, 'base64');
    if (bytes.length !== SEED_BYTES) {
      return new SigningKey(createPublicKey({ key: bytes, format: 'der', type: 'spki' }), null, null);
    }
    const key = Buffer.concat([PKCS8_PREFIX, bytes]);
    const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
    const macKey = deriveKey(bytes, 'installation', 'audit-row-mac');
    return new SigningKey(createPublicKey(privateKey), privateKey, macKey);
  }

  /** Hex, Ed25519. */
  sign(text: string): string {
    if (this.privateKey === null) throw new Error('an earlier key of the audit log signs nothing any more');
    return sign(null, Buffer.from(text), this.privateKey).toString('hex');
  }

  isSigned(text: string, signature: string): boolean {
    return isSignedBy(this.publicKey, text, signature);
  }

  /** Hex, HMAC-SHA-256; null for a public half. */
  mac(text: string): string | null {
    return this.macKey === null ? null : createHmac('sha256', this.macKey).update(text).digest('hex');
  }
}

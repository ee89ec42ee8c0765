import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign,
  timingSafeEqual,
} from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Config } from '../../platform/config/config.js';
import { deriveKey } from '../../platform/crypto/derive-key.js';
import { isSignedBy, keyIdOf } from './ed25519.js';
import { type SealHeader, signedText } from './seal.js';
import type { StoredRow } from './stored-row.js';

/** DER of an Ed25519 private key up to its 32-byte seed (RFC 8410, section 7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** What the writer knows of a row before the database adds time and transaction. */
export type WrittenRow = Omit<StoredRow, 'createdAt' | 'writtenIn' | 'mac'>;

/** The keys of the audit log: they live in the process's configuration, never in the database. */
@Injectable()
export class AuditKeys {
  readonly publicKeyPem: string;
  /** Sixteen hex digits of the public key's SHA-256. */
  readonly keyId: string;
  private readonly privateKey: KeyObject;
  private readonly publicKey: KeyObject;
  private readonly macKey: Buffer;

  constructor(config: Config) {
    const seed = Buffer.from(config.auditSigningKey, 'base64');
    this.privateKey = createPrivateKey({
      key: Buffer.concat([PKCS8_PREFIX, seed]),
      format: 'der',
      type: 'pkcs8',
    });
    this.publicKey = createPublicKey(this.privateKey);
    this.publicKeyPem = this.publicKey.export({ format: 'pem', type: 'spki' }).toString();
    this.keyId = keyIdOf(this.publicKey);
    this.macKey = deriveKey(seed, 'installation', 'audit-row-mac');
  }

  /** Hex, Ed25519. */
  sign(text: string): string {
    return sign(null, Buffer.from(text), this.privateKey).toString('hex');
  }

  isSigned(header: SealHeader): boolean {
    return header.keyId === this.keyId && isSignedBy(this.publicKey, signedText(header), header.signature);
  }

  /**
   * HMAC-SHA-256 over what the application writes. A row that somebody else put into the table, whatever their
   * rights there, has none that fits and is never sealed.
   */
  macOf(row: WrittenRow): Buffer {
    const text = JSON.stringify([
      row.teamId,
      row.id,
      row.action,
      row.resourceType,
      row.resourceId,
      row.userId,
      row.apiKeyId,
      row.authMethod,
      canonicalJson(row.oldValues),
      canonicalJson(row.newValues),
      row.sealed,
      canonicalAddress(row.ipAddress),
      row.userAgent,
      row.requestId,
    ]);
    return createHmac('sha256', this.macKey).update(text).digest();
  }

  isOurs(row: StoredRow): boolean {
    if (row.mac === null || row.mac.length !== 64) return false;
    return timingSafeEqual(Buffer.from(row.mac, 'hex'), this.macOf(row));
  }
}

/** JSON text with sorted keys: what `jsonb` stores and what we sent differ in order and spacing. */
function canonicalJson(text: string | null): string | null {
  return text === null ? null : JSON.stringify(sorted(JSON.parse(text)));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, part]) => [name, sorted(part)]));
}

/** One spelling of an IPv6 address: ours and PostgreSQL's may differ. */
function canonicalAddress(address: string | null): string | null {
  return address?.includes(':') ? new URL(`http://[${address}]`).hostname : address;
}

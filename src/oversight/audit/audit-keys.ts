import { timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Config } from '../../platform/config/config.js';
import { canonicalJson } from './canonical-json.js';
import { type SealHeader, signedText } from './seal.js';
import { SigningKey } from './signing-key.js';
import type { StoredRow } from './stored-row.js';

/** A database whose clock is further from ours than this writes a log that cannot be believed. */
const CLOCKS_APART_MS = 15 * 60_000;

/** What the writer knows of a row before the database adds time and transaction. */
export type WrittenRow = Omit<StoredRow, 'createdAt' | 'writtenIn' | 'mac'>;

/** The keys of the audit log: they live in the process's configuration, never in the database. */
@Injectable()
export class AuditKeys {
  readonly current: SigningKey;
  /** Keys that signed before, in the order of the setting. */
  readonly earlier: readonly SigningKey[];
  private readonly byId: ReadonlyMap<string, SigningKey>;

  constructor(config: Config) {
    this.current = SigningKey.from(config.auditSigningKey);
    this.earlier = config.auditSigningPreviousKeys.map((text) => SigningKey.from(text));
    this.byId = new Map([this.current, ...this.earlier].map((key) => [key.keyId, key]));
  }

  /** Names the key that signs today. */
  get keyId(): string {
    return this.current.keyId;
  }

  /** Hex, Ed25519, with the key of today. */
  sign(text: string): string {
    return this.current.sign(text);
  }

  /** Whether a key of this installation, today's or an earlier one, signed the batch. */
  isSigned(header: SealHeader): boolean {
    return this.isSignedText(header.keyId, signedText(header), header.signature);
  }

  isSignedText(keyId: string, text: string, signature: string): boolean {
    return this.byId.get(keyId)?.isSigned(text, signature) ?? false;
  }

  /**
   * HMAC-SHA-256 over what the application writes; values are canonical JSON. A row that somebody else put into the table, whatever their
   * rights there, has none that fits and is never sealed.
   */
  macOf(row: WrittenRow): Buffer {
    const mac = this.current.mac(macText(row, row.oldValues, row.newValues));
    if (mac === null) throw new Error('AUDIT_SIGNING_KEY is a whole key');
    return mac;
  }

  /**
   * Whether this application wrote the row, and when it says. Rows of an instance that still has an earlier key are ours as well.
   * The database adds the time, so no code covers it; but the id, which one does, tells when it was made. A row that was moved into
   * another month before its seal would leave with that month.
   */
  isOurs(row: StoredRow): boolean {
    if (row.mac === null || row.mac.length !== 64) return false;
    // Not "more than": a time that is none (`infinity`) is far from every moment.
    if (!(Math.abs(timeOfId(row.id) - Date.parse(row.createdAt)) <= CLOCKS_APART_MS)) return false;
    const given = Buffer.from(row.mac, 'hex');
    const text = textOfStored(row);
    if (text === null) return false;
    return [this.current, ...this.earlier].some((key) => {
      const mac = key.mac(text);
      return mac !== null && timingSafeEqual(given, mac);
    });
  }
}

/** Milliseconds since 1970 of a UUIDv7 (RFC 9562, section 5.7). */
function timeOfId(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** What the code of a stored row would cover; null for values that we cannot have written, such as some that nest without end. */
function textOfStored(row: StoredRow): string | null {
  try {
    return macText(row, canonicalText(row.oldValues), canonicalText(row.newValues));
  } catch {
    return null;
  }
}

function macText(row: WrittenRow, oldValues: string | null, newValues: string | null): string {
  return JSON.stringify([
    row.teamId,
    row.id,
    row.action,
    row.resourceType,
    row.resourceId,
    row.userId,
    row.apiKeyId,
    row.authMethod,
    oldValues,
    newValues,
    row.sealed,
    canonicalAddress(row.ipAddress),
    row.userAgent,
    row.requestId,
  ]);
}

function canonicalText(text: string | null): string | null {
  return text === null ? null : canonicalJson(JSON.parse(text));
}

/** One spelling of an IPv6 address: ours and PostgreSQL's may differ. */
function canonicalAddress(address: string | null): string | null {
  return address?.includes(':') ? new URL(`http://[${address}]`).hostname : address;
}

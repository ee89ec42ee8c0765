import { timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Config } from '../../platform/config/config.js';
import { contentDigestOf, contentText, writtenOf } from './row-content.js';
import { type SealHeader, signedText } from './seal.js';
import { SigningKey } from './signing-key.js';
import type { RowMark, StoredRow } from './stored-row.js';

/** A database whose clock is further from ours than this writes a log that cannot be believed. */
export const CLOCKS_APART_MS = 15 * 60_000;

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

  /** Names of all of them. */
  get ids(): string[] {
    return [...this.byId.keys()];
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
   * The code of a row, hex: HMAC-SHA-256 over its team, its id and the digest of its contents. A row that somebody else put into the table,
   * whatever their rights there, has none that fits and is never sealed.
   */
  macOf(row: Pick<RowMark, 'teamId' | 'id'>, contentDigest: string): string {
    const mac = this.current.mac(markText(row, contentDigest));
    if (mac === null) throw new Error('AUDIT_SIGNING_KEY is a whole key');
    return mac;
  }

  /**
   * Whether this application wrote a row of this team and id with contents of this digest, and when the row says. What it does not tell is
   * whether the contents are still those; {@link isOurs} does.
   * The database adds the time, so no code covers it; but the id, which one does, tells when it was made. A row that was moved into
   * another month before its seal would leave with that month.
   */
  vouchesFor(row: RowMark): boolean {
    return (
      row.contentDigest !== null && isOnTime(row) && this.isCode(row.mac, markText(row, row.contentDigest))
    );
  }

  /** Whether this application wrote the row as it stands. Rows of an instance that still has an earlier key are ours as well. */
  isOurs(row: StoredRow): boolean {
    const written = writtenOf(row);
    if (written === null || row.writtenIn === null) return false;
    // From before version 2: the code covers the contents themselves.
    if (row.contentDigest === null) return isOnTime(row) && this.isCode(row.mac, contentText(written));
    return contentDigestOf(written) === row.contentDigest && this.vouchesFor(row);
  }

  private isCode(code: string | null, text: string): boolean {
    if (code === null || code.length !== 64) return false;
    const given = Buffer.from(code, 'latin1');
    return [this.current, ...this.earlier].some((key) => {
      const mac = key.mac(text);
      return mac !== null && timingSafeEqual(given, Buffer.from(mac, 'latin1'));
    });
  }
}

function markText({ teamId, id }: Pick<RowMark, 'teamId' | 'id'>, contentDigest: string): string {
  return `latchkey-audit-mac-v2\n${teamId}\n${id}\n${contentDigest}`;
}

/** Not "more than": a time that is none (`infinity`) is far from every moment. */
function isOnTime({ id, createdAt }: RowMark): boolean {
  return Math.abs(timeOfId(id) - Date.parse(createdAt)) <= CLOCKS_APART_MS;
}

/** Milliseconds since 1970 of a UUIDv7 (RFC 9562, section 5.7). */
function timeOfId(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

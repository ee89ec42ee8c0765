import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomFillSync } from 'node:crypto';

const IV_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const CIPHER = 'aes-256-gcm';

// One large draw serves many values; a draw of 12 bytes costs as much as one of 4 kB.
const pool = Buffer.allocUnsafe(8192);
let used = pool.length;

/** @returns `length` fresh random bytes, a view into the pool: valid until the pool is drawn again, so use it at once. */
function takeRandom(length: number): Buffer {
  if (used + length > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += length;
  return pool.subarray(used - length, used);
}

/** Layout: 12 bytes IV, 16 bytes tag, ciphertext; base64. */
function seal(key: Uint8Array, plain: Uint8Array, aad: Buffer): string {
  const out = Buffer.allocUnsafe(IV_BYTES + TAG_BYTES + plain.length);
  takeRandom(IV_BYTES).copy(out);
  const cipher = createCipheriv(CIPHER, key, out.subarray(0, IV_BYTES));
  cipher.setAAD(aad);
  cipher.update(plain).copy(out, IV_BYTES + TAG_BYTES);
  cipher.final();
  cipher.getAuthTag().copy(out, IV_BYTES);
  return out.toString('base64');
}

// A list opens a hundred values: decoding them into the same memory saves a tenth of what opening costs.
const scratch = Buffer.allocUnsafe(64 * 1024);
const scratchIv = scratch.subarray(0, IV_BYTES);
const scratchTag = scratch.subarray(IV_BYTES, IV_BYTES + TAG_BYTES);
const scratchAad = Buffer.allocUnsafe(1024);

/** @throws when the value was not sealed under this key and associated data, or is larger than the scratch memory. */
function open(key: Uint8Array, sealed: string, aad: string): Buffer {
  const length = scratch.write(sealed, 0, 'base64');
  const decipher = createDecipheriv(CIPHER, key, scratchIv);
  decipher.setAAD(scratchAad.subarray(0, scratchAad.write(aad, 0, 'latin1')));
  decipher.setAuthTag(scratchTag);
  const plain = decipher.update(scratch.subarray(IV_BYTES + TAG_BYTES, length));
  decipher.final();
  return plain;
}

/** A row's personal fields as stored. */
export interface SealedRow {
  dataKey: string;
  sealed: string;
}

/** The same two layers the product has: a data key per row, wrapped by a key per team. */
export class Sealing {
  private readonly teamKeys = new Map<string, Uint8Array>();
  private readonly presentedKeys: Uint8Array;

  /** @param masterKey 32 bytes, made up for one run of the benchmark */
  constructor(private readonly masterKey: Uint8Array) {
    this.presentedKeys = this.derive('api-key');
  }

  /** @returns what is stored and looked up instead of an API key */
  hashApiKey(presented: string): string {
    return createHmac('sha256', this.presentedKeys).update(presented).digest('base64');
  }

  /** Seals a new row: one random data key, wrapped, and one sealed value. Also returns the open key, for the audit row. */
  sealRow(teamId: string, id: string, plain: string): SealedRow & { openKey: Buffer } {
    const openKey = Buffer.from(takeRandom(KEY_BYTES));
    return {
      openKey,
      dataKey: seal(this.teamKey(teamId), openKey, Buffer.from(`key|clients|${id}|${teamId}|1`, 'latin1')),
      sealed: seal(openKey, Buffer.from(plain), Buffer.from(`row|clients|${id}|${teamId}|1`, 'latin1')),
    };
  }

  /** Seals an audit row's personal values under the data key of the row they are about. */
  sealAudit(openKey: Buffer, teamId: string, auditId: string, plain: string): string {
    return seal(openKey, Buffer.from(plain), Buffer.from(`audit|audit_log|${auditId}|${teamId}|1`, 'latin1'));
  }

  /** Two decryptions: the data key, then the row. */
  openRow(teamId: string, id: string, dataKey: string, sealed: string): string {
    const openKey = open(this.teamKey(teamId), dataKey, `key|clients|${id}|${teamId}|1`);
    const plain = open(openKey, sealed, `row|clients|${id}|${teamId}|1`);
    return plain.toString();
  }

  /** Blind-index tokens of a client: e-mail, phone, its last four digits, and prefixes of the name's words. */
  tokens(teamId: string, { firstName, lastName, email, phone }: Record<string, unknown>): string[] {
    const key = this.teamKey(teamId);
    const terms = [
      `email|${String(email).toLowerCase()}`,
      `phone|${String(phone)}`,
      `phone4|${String(phone).slice(-4)}`,
    ];
    for (const word of [String(firstName).toLowerCase(), String(lastName).toLowerCase()]) {
      for (let length = 3; length <= Math.min(word.length, 10); length++)
        terms.push(`name|${word.slice(0, length)}`);
    }
    return [...new Set(terms)].map((term) => {
      const hex = createHmac('sha256', key).update(term).digest('hex');
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
    });
  }

  private teamKey(teamId: string): Uint8Array {
    let key = this.teamKeys.get(teamId);
    if (!key) {
      key = this.derive(`team:${teamId}`);
      this.teamKeys.set(teamId, key);
    }
    return key;
  }

  private derive(purpose: string): Uint8Array {
    return new Uint8Array(hkdfSync('sha256', this.masterKey, '', purpose, KEY_BYTES));
  }
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** UUID version 7 (RFC 9562, section 5.7): sorts by creation time. */
export function uuidV7(nowMs = Date.now()): string {
  const random = takeRandom(10);
  const time = nowMs.toString(16).padStart(12, '0');
  const h = (i: number): string => HEX[random[i]];
  const version = HEX[0x70 | (random[0] & 0x0f)];
  const variant = HEX[0x80 | (random[2] & 0x3f)];
  return `${time.slice(0, 8)}-${time.slice(8)}-${version}${h(1)}-${variant}${h(3)}-${h(4)}${h(5)}${h(6)}${h(7)}${h(8)}${h(9)}`;
}

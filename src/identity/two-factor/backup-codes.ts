import { createHmac, randomBytes } from 'node:crypto';

/**
 * Backup codes: what a user keeps on paper for the day the phone is gone. Each works once.
 *
 * Five groups of five give 125 bits. ASVS 5.0 requirement 6.5.2 lets look-up secrets of at least 112 bits be stored
 * under a fast hash; shorter ones would need argon2id, ten of them at every try.
 */
export const BACKUP_CODE_COUNT = 10;

const GROUPS = 5;
const GROUP_LENGTH = 5;
const CODE_LENGTH = GROUPS * GROUP_LENGTH;

/** Room for a separator after every character; longer texts are refused unread. */
const INPUT_MAX_LENGTH = CODE_LENGTH * 2;

const PEPPER_MIN_BYTES = 32;

/** Crockford's base32: no I, L, O (read as 1, 1, 0) and no U. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const SEPARATORS = /[\s\-\u2010-\u2015]/g;
const TYPED_CODE = new RegExp(`^[0-9A-TV-Za-tv-z]{${CODE_LENGTH}}$`);

/** Ten different codes for showing once, as `XXXXX-XXXXX-XXXXX-XXXXX-XXXXX`. */
export function newBackupCodes(): string[] {
  const codes = new Set<string>();
  while (codes.size < BACKUP_CODE_COUNT) codes.add(newCode());
  return [...codes];
}

/**
 * The 25 characters a typed text stands for: case, spaces and dashes do not matter, O is 0, I and L are 1.
 * Null when it cannot be a backup code (a code of 6 digits, for example).
 */
export function normalizeBackupCode(text: string): string | null {
  if (typeof text !== 'string' || text.length > INPUT_MAX_LENGTH) return null;
  const typed = text.replace(SEPARATORS, '');
  if (!TYPED_CODE.test(typed)) return null;
  return typed.toUpperCase().replaceAll('O', '0').replace(/[IL]/g, '1');
}

/**
 * The only form in which a code is stored: HMAC-SHA-256 over user and code, 32 bytes, so that a row copied to another
 * user opens nothing. Compare by equality of the hash, and delete the row in the same statement.
 *
 * @param pepper at least 32 random bytes of this user, kept sealed
 * @param normalizedCode from {@link normalizeBackupCode}
 * @throws RangeError for a short pepper or a code that is not normalized
 */
export function backupCodeHash(pepper: Buffer, userId: string, normalizedCode: string): Buffer {
  if (pepper.length < PEPPER_MIN_BYTES)
    throw new RangeError('The backup code pepper must have at least 32 bytes');
  if (normalizeBackupCode(normalizedCode) !== normalizedCode)
    throw new RangeError('Not a normalized backup code');
  // The code's length is fixed, so user and code cannot be parted elsewhere.
  return createHmac('sha256', pepper).update(`backup-code|${userId}|${normalizedCode}`).digest();
}

function newCode(): string {
  // 32 divides 256, so the low five bits of a byte are even.
  const characters = Array.from(randomBytes(CODE_LENGTH), (byte) => ALPHABET[byte & 31]);
  const groups = Array.from({ length: GROUPS }, (_, group) =>
    characters.slice(group * GROUP_LENGTH, (group + 1) * GROUP_LENGTH).join(''),
  );
  return groups.join('-');
}

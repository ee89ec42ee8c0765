import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/**
 * The text of an API key: `lk_live_<id>_<secret><checksum>` (contract section 3).
 *
 * The id is public and finds the row, the secret proves possession, the checksum lets a typo be refused without a
 * database read. The alphabet holds no `-` so that a double click selects the whole key, and the fixed prefix lets
 * secret scanners recognise one that leaked.
 */
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** 95 bits: two keys never meet, and ids cannot be enumerated. */
const ID_LENGTH = 16;

/** 190 bits, so that more than 160 stay unknown after `lastFour` has shown up to 24 bits of the checksum. */
const SECRET_LENGTH = 32;

/** 62^6 > 2^32: six digits hold any CRC32. */
const CHECKSUM_LENGTH = 6;

const PREFIX_ID_LENGTH = 6;

/** Every key has this many characters; anything else is refused before it is looked at. */
export const API_KEY_LENGTH = 'lk_live_'.length + ID_LENGTH + 1 + SECRET_LENGTH + CHECKSUM_LENGTH;

const KEY_PATTERN = new RegExp(
  `^lk_(live|test)_([0-9A-Za-z]{${ID_LENGTH}})_([0-9A-Za-z]{${SECRET_LENGTH}})[0-9A-Za-z]{${CHECKSUM_LENGTH}}$`,
);

/** `test` keys see and make only sandbox records of their team. */
export type ApiKeyEnvironment = 'live' | 'test';

export interface ParsedApiKey {
  environment: ApiKeyEnvironment;
  /** Public look-up id, 16 base62 characters. */
  id: string;
  /** The part that only the holder knows, without the checksum. */
  secret: string;
}

export interface GeneratedApiKey {
  environment: ApiKeyEnvironment;
  id: string;
  /** The whole key: shown once, kept only as the fingerprint that `SubjectCipher` makes of it. */
  key: string;
  /** What views show, see {@link apiKeyPrefix}. */
  prefix: string;
  /** What views show, see {@link apiKeyLastFour}. */
  lastFour: string;
}

/** Makes a new key from the system's random source, with no modulo bias. */
export function generateApiKey(environment: ApiKeyEnvironment): GeneratedApiKey {
  const id = randomBase62(ID_LENGTH);
  const body = `lk_${environment}_${id}_${randomBase62(SECRET_LENGTH)}`;
  const key = body + checksum(body);
  return { environment, id, key, prefix: apiKeyPrefix(environment, id), lastFour: apiKeyLastFour(key) };
}

/**
 * Takes a key apart, or returns null when it cannot be one (length, alphabet, checksum).
 *
 * Linear time and no look-ups. The checksum is no secret: a match says "typed correctly", nothing about validity.
 */
export function parseApiKey(text: string): ParsedApiKey | null {
  if (typeof text !== 'string' || text.length !== API_KEY_LENGTH) return null;
  const match = KEY_PATTERN.exec(text);
  if (match === null) return null;
  const body = text.slice(0, -CHECKSUM_LENGTH);
  if (checksum(body) !== text.slice(-CHECKSUM_LENGTH)) return null;
  return { environment: match[1] as ApiKeyEnvironment, id: match[2], secret: match[3] };
}

/** True when a bearer token is meant as an API key, so that a damaged one is not tried as a JWT. */
export function looksLikeApiKey(text: string): boolean {
  return text.startsWith('lk_');
}

/** `lk_live_` and the first 6 characters of the id: enough to recognise a key in a list. */
export function apiKeyPrefix(environment: ApiKeyEnvironment, id: string): string {
  return `lk_${environment}_${id.slice(0, PREFIX_ID_LENGTH)}`;
}

/** The key's last 4 characters; they belong to the checksum, so the secret itself is never displayed. */
export function apiKeyLastFour(key: string): string {
  return key.slice(-4);
}

function checksum(body: string): string {
  let rest = crc32(body);
  let text = '';
  for (let digit = 0; digit < CHECKSUM_LENGTH; digit += 1) {
    text = ALPHABET[rest % 62] + text;
    rest = Math.floor(rest / 62);
  }
  return text;
}

/** Bytes of 248 and above are thrown away: 248 is the largest multiple of 62 that a byte can hold. */
function randomBase62(length: number): string {
  let text = '';
  while (text.length < length) {
    for (const byte of randomBytes(length * 2)) {
      if (byte < 248 && text.length < length) text += ALPHABET[byte % 62];
    }
  }
  return text;
}

import { randomBytes, timingSafeEqual } from 'node:crypto';
import speakeasy from 'speakeasy';

/**
 * Time-based one-time passwords, RFC 6238 over RFC 4226, as authenticator apps expect them: HMAC-SHA-1, 6 digits,
 * steps of 30 s from the Unix epoch.
 *
 * The only file that touches speakeasy 2.0.0, which takes empty secrets, arrays and numbers, and has a biased secret
 * generator: nothing reaches it here that was not checked, and only its code computation is used. A code is refused a
 * second time by the caller, who stores the returned step and accepts only later ones.
 */

/** 160 bits, the length RFC 4226 section 4 (R6) recommends. */
const SECRET_BYTES = 20;

const STEP_SECONDS = 30;
const DIGITS = 6;

/** Steps accepted on either side for clock drift and slow typing (RFC 6238 section 5.2): a code lives 90 s. */
const WINDOW_STEPS = 1;

/** speakeasy shifts counters as 32-bit integers; as time steps these last until the year 4011. */
const MAX_STEP = 0x7fffffff;

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const SECRET_PATTERN = /^[A-Z2-7]{32}$/;
const CODE_PATTERN = /^[0-9]{6}$/;

export interface OtpauthAccount {
  /** Shown by the authenticator app, for example the product's name. */
  issuer: string;
  /** The user's e-mail address. */
  account: string;
  /** From {@link newTotpSecret}. */
  secret: string;
}

/** A new secret: 160 random bits as 32 characters of base32 (RFC 4648 section 6). Encrypt it before storing. */
export function newTotpSecret(): string {
  let text = '';
  let value = 0;
  let bits = 0;
  for (const byte of randomBytes(SECRET_BYTES)) {
    value = ((value << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += BASE32[(value >>> bits) & 31];
    }
  }
  return text;
}

/**
 * The `otpauth://totp/…` address that a QR code carries (the Key Uri Format of authenticator apps). It holds the
 * secret: never log it.
 *
 * @throws RangeError for a malformed secret, or an issuer or account that is empty or holds a colon (which parts the
 *   two, encoded or not)
 */
export function otpauthUrl({ issuer, account, secret }: OtpauthAccount): string {
  assertSecret(secret);
  for (const part of [issuer, account]) {
    if (part.trim() === '' || part.includes(':'))
      throw new RangeError('Not an issuer or account for an otpauth URL');
  }
  const label = `${encodeURIComponent(issuer)}:${encodeURIComponent(account)}`;
  const parameters = [
    `secret=${secret}`,
    `issuer=${encodeURIComponent(issuer)}`,
    'algorithm=SHA1',
    `digits=${DIGITS}`,
    `period=${STEP_SECONDS}`,
  ];
  return `otpauth://totp/${label}?${parameters.join('&')}`;
}

/**
 * The time step whose code this is, or null. Looks at the current step and one on either side, always at all of them
 * and in constant time. If two steps share the code the later one is returned, so that storing it bars both.
 *
 * The caller must refuse a step `<=` the stored `last_step` and store the new one, atomically (RFC 6238 section 5.2:
 * a code is accepted once).
 *
 * @param secretBase32 from {@link newTotpSecret}
 * @param code as sent; anything but a string of 6 ASCII digits is null
 * @param nowMs milliseconds since the epoch
 * @throws RangeError for a malformed secret or time: damaged data must not look like a wrong code
 */
export function matchTotp(secretBase32: string, code: string, nowMs: number): number | null {
  assertSecret(secretBase32);
  const current = totpStep(nowMs);
  if (typeof code !== 'string' || !CODE_PATTERN.test(code)) return null;
  const given = Buffer.from(code, 'latin1');
  let matched: number | null = null;
  for (let step = Math.max(0, current - WINDOW_STEPS); step <= current + WINDOW_STEPS; step += 1) {
    if (timingSafeEqual(Buffer.from(totpCode(secretBase32, step), 'latin1'), given)) matched = step;
  }
  return matched;
}

/** The time step of a moment: 30 s each, from the epoch. @throws RangeError when it is no time speakeasy can count */
export function totpStep(nowMs: number): number {
  const step = Math.floor(nowMs / 1000 / STEP_SECONDS);
  if (!Number.isInteger(step) || step < 0 || step >= MAX_STEP)
    throw new RangeError('Not a time for a TOTP step');
  return step;
}

/** The code of one step (RFC 4226 section 5.3). @throws RangeError for a malformed secret, step or number of digits */
export function totpCode(secretBase32: string, step: number, digits: 6 | 8 = DIGITS): string {
  assertSecret(secretBase32);
  if (!Number.isInteger(step) || step < 0 || step > MAX_STEP) throw new RangeError('Not a TOTP step');
  return speakeasy.hotp({
    secret: secretBase32,
    encoding: 'base32',
    algorithm: 'sha1',
    counter: step,
    digits,
  });
}

function assertSecret(secret: string): void {
  if (typeof secret !== 'string' || !SECRET_PATTERN.test(secret)) throw new RangeError('Not a TOTP secret');
}

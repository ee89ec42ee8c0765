import { domainToASCII, domainToUnicode } from 'node:url';

/**
 * E-mail addresses: what may be registered, and the key by which two of them are the same account.
 *
 * The address is stored and written to as it was typed; only {@link emailKey} is compared. Both sides lean the same
 * way: an address that merely looks like another is refused, or meets it in the key and is a duplicate. A key that
 * merges too much costs a stranger a 409; one that merges too little hands out look-alike accounts.
 */

/** RFC 5321 section 4.5.3.1.3 less the angle brackets, in octets of UTF-8. */
export const EMAIL_MAX_BYTES = 254;

/** RFC 5321 section 4.5.3.1.1, in octets. */
const LOCAL_PART_MAX_BYTES = 64;

/** RFC 1035 section 2.3.4, in octets of the ASCII form. */
const DOMAIN_MAX_BYTES = 253;

/** `dot-atom` of RFC 5322 section 3.2.3 with the letters of RFC 6532; no quoted strings, comments or literals. */
const LOCAL_PART = /^[\w!#$%&'*+/=?^`{|}~\-\p{L}\p{M}\p{N}]+(?:\.[\w!#$%&'*+/=?^`{|}~\-\p{L}\p{M}\p{N}]+)*$/u;

const DOMAIN = /^[a-zA-Z0-9\-.\p{L}\p{M}\p{N}]+$/u;

/** Nearly all addresses. A last label with a digit is not for here: it may be a number in another guise, as `0x7f` is. */
const PLAIN = /^[\w!#$%&'*+/=?^`{|}~.-]+@(?:[a-z0-9-]+\.)+[a-z]+$/i;

/** Punycode (RFC 3492) stands for other letters. */
const ENCODED_LABEL = /[@.]xn--/i;

/** A host name label, RFC 1123 section 2.1. */
const ASCII_LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Zero-width, bidi and filler characters: some are letters or marks, none can be seen (UAX 44). */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/u;

const SHARED_BY_SCRIPTS = /[\p{Script=Common}\p{Script=Inherited}]/gu;

/** "Highly restrictive" mixing, UTS 39 section 5.2: one script, or Latin with a writing system that uses it. */
const SCRIPT_PROFILES: readonly RegExp[] = [
  /^[\p{Script=Latin}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]*$/u,
  /^[\p{Script=Latin}\p{Script=Han}\p{Script=Bopomofo}]*$/u,
  /^[\p{Script=Latin}\p{Script=Han}\p{Script=Hangul}]*$/u,
  ...singleScripts(),
];

/**
 * Whether an address may be registered: at most 254 octets, one `@`, a dotted domain, and nothing that only imitates
 * another character: no compatibility or decomposed forms (full-width, ligatures, mathematical letters; the text must be
 * in NFKC), no control, zero-width or bidi characters, no mixture of scripts within the local part or a domain label.
 */
export function isEmailAddress(text: string): boolean {
  if (typeof text !== 'string' || text.length > EMAIL_MAX_BYTES) return false;
  if (PLAIN.test(text) && !ENCODED_LABEL.test(text)) return isPlainAddress(text);
  if (Buffer.byteLength(text) > EMAIL_MAX_BYTES || INVISIBLE.test(text)) return false;
  if (text.normalize('NFKC') !== text) return false;
  const at = text.indexOf('@');
  return at > 0 && isLocalPart(text.slice(0, at)) && isDomain(text.slice(at + 1));
}

/**
 * The key of an address for uniqueness, look-up and lockout. Total: every text has one, so an attempt with a text that
 * could never be registered is counted like any other. Bound the length first.
 *
 * The local part is folded by NFKC and full case folding (Unicode section 3.13, `ß` = `ss`, all sigmas equal), with
 * the Turkish `İ` and `ı` taken as `i`. The domain is its ASCII form (UTS 46), so `bücher.example` and
 * `xn--bcher-kva.example` are one; `straße` and `strasse` are different domains there. Dots and `+tags` stay: which
 * mailboxes are the same is the receiving host's secret (RFC 5321 section 2.3.11).
 */
export function emailKey(email: string): string {
  const composed = email.normalize('NFKC');
  const at = composed.lastIndexOf('@');
  if (at < 0) return caseFold(composed);
  const domain = composed.slice(at + 1);
  return `${caseFold(composed.slice(0, at))}@${domainToASCII(domain) || caseFold(domain)}`;
}

/** The same of an address of nothing but ASCII: no character of it imitates another, and its domain is its own ASCII form. */
function isPlainAddress(text: string): boolean {
  const at = text.indexOf('@');
  const labels = text
    .slice(at + 1)
    .toLowerCase()
    .split('.');
  return (
    at <= LOCAL_PART_MAX_BYTES &&
    LOCAL_PART.test(text.slice(0, at)) &&
    text.length - at - 1 <= DOMAIN_MAX_BYTES &&
    labels.every((label) => ASCII_LABEL.test(label))
  );
}

function isLocalPart(text: string): boolean {
  return Buffer.byteLength(text) <= LOCAL_PART_MAX_BYTES && LOCAL_PART.test(text) && isOneScript(text);
}

function isDomain(text: string): boolean {
  if (!DOMAIN.test(text)) return false;
  const ascii = domainToASCII(text);
  if (ascii.length === 0 || ascii.length > DOMAIN_MAX_BYTES) return false;
  const labels = ascii.split('.');
  return (
    labels.length >= 2 &&
    labels.every((label) => ASCII_LABEL.test(label)) &&
    !/^\d+$/.test(labels[labels.length - 1]) &&
    domainToUnicode(ascii).split('.').every(isOneScript)
  );
}

function isOneScript(text: string): boolean {
  const letters = text.replace(SHARED_BY_SCRIPTS, '');
  return SCRIPT_PROFILES.some((profile) => profile.test(letters));
}

/**
 * Only upper case expands `ß` and unites `ı`, `ς` and their like; only lower case leads `ẞ` there; `İ` leaves a dot
 * behind. The spec tries every character.
 */
function caseFold(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .toUpperCase()
    .toLowerCase()
    .replaceAll('i\u0307', 'i')
    .normalize('NFKC');
}

/** The recommended scripts of UAX 31 table 5 that do not mix. */
function singleScripts(): RegExp[] {
  const names =
    'Latin Greek Cyrillic Arabic Armenian Bengali Devanagari Ethiopic Georgian Gujarati Gurmukhi Hebrew Kannada Khmer Lao Malayalam Myanmar Oriya Sinhala Tamil Telugu Thaana Thai Tibetan';
  return names.split(' ').map((name) => new RegExp(`^\\p{Script=${name}}*$`, 'u'));
}

import { ApiError } from '../../platform/http/api-error.js';
import { COMMON_BASES, COMMON_PASSWORDS } from './common-passwords.js';

/**
 * Which passwords may be set (contract section 2; NIST SP 800-63B-4 section 3.1.1.2; ASVS 5.0 section 6.2). Lengths are
 * counted in Unicode code points of the text as received; nothing is trimmed, cut or rewritten before hashing.
 *
 * Called only when a password is set, never at login.
 */
const MAX_LENGTH = 128;

/** From here on length alone suffices. */
const LENGTH_WITHOUT_RULES = 15;

const MIN_LENGTH = 12;

/** What {@link LENGTH_WITHOUT_RULES} asks of shorter ones: upper, lower, digit, symbol (a space is one). */
const CHARACTER_KINDS: readonly RegExp[] = [/\p{Lu}/u, /\p{Ll}/u, /\p{Nd}/u, /[^\p{L}\p{M}\p{N}\p{C}]/u];

/** Words of this installation that everybody would guess (ASVS 5.0 requirement 6.2.11). */
const CONTEXT_WORDS = ['latchkey'] as const;

/** A name shorter than this is part of too many good passwords by chance. */
const MIN_NAME_LENGTH = 3;

const LOOKALIKES: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
  '!': 'i',
};

/** One entry of a validation error's `details`. The message never repeats the password. */
export interface PasswordProblem {
  field: 'password';
  message: string;
}

/** What a password must not be made of. */
export interface PasswordOwner {
  email: string;
  /** Every team the user belongs to, or is about to found. */
  teamNames: readonly string[];
}

/** Everything that is wrong with a password; empty when it may be set. */
export function passwordProblems(password: string, owner: PasswordOwner): PasswordProblem[] {
  const lengthProblem = lengthProblemOf(password);
  const messages = [
    lengthProblem,
    /\p{Cs}/u.test(password) ? 'must be valid Unicode text' : null,
    // A text of any length may arrive here; only an acceptable one is worth the look-ups.
    lengthProblem === null && isCommon(password) ? 'is too common' : null,
    lengthProblem === null && isNamedAfter(password, owner)
      ? 'must not be made of your e-mail address or team name'
      : null,
  ];
  return messages.flatMap((message) => (message === null ? [] : [{ field: 'password', message }]));
}

/**
 * Refuses a password that may not be set.
 * @param field the name it has in the request
 * @throws ApiError 400 with every broken rule
 */
export function assertAcceptablePassword(
  password: string,
  owner: PasswordOwner,
  field = 'newPassword',
): void {
  const problems = passwordProblems(password, owner);
  if (problems.length === 0) return;
  throw new ApiError('VALIDATION_FAILED', 'The request has invalid fields.', {
    details: problems.map(({ message }) => ({ field, message })),
  });
}

function lengthProblemOf(password: string): string | null {
  // A code point has at most two code units, so this bounds the count below.
  const length = password.length > MAX_LENGTH * 2 ? Infinity : Array.from(password).length;
  if (length > MAX_LENGTH) return `must have at most ${MAX_LENGTH} characters`;
  if (length >= LENGTH_WITHOUT_RULES) return null;
  if (length >= MIN_LENGTH && CHARACTER_KINDS.every((kind) => kind.test(password))) return null;
  return `must have at least ${LENGTH_WITHOUT_RULES} characters, or at least ${MIN_LENGTH} with an upper-case letter, a lower-case letter, a digit and a symbol`;
}

/** On the list in any case or with letters written as digits; or a listed word that makes up at least half of it. */
function isCommon(password: string): boolean {
  const { whole, bases } = commonLists();
  const folded = fold(password);
  if (whole.has(folded) || whole.has(undisguised(folded))) return true;

  const withoutSuffix = folded.replace(/[^\p{L}]+$/u, '');
  return [withoutSuffix, undisguised(withoutSuffix), undisguised(withoutSuffix.replaceAll('1', 'l'))]
    .map((text) => text.replace(/^[^\p{L}]+/u, ''))
    .some((base) => bases.has(base) && base.length * 2 >= folded.length);
}

/**
 * Holds the whole e-mail address; or holds its local part or a team's name with nothing but digits and symbols around
 * it, or as at least half of it.
 */
function isNamedAfter(password: string, { email, teamNames }: PasswordOwner): boolean {
  const localPart = email.slice(0, Math.max(0, email.lastIndexOf('@')));
  const names = [localPart, localPart.replace(/\+.*$/su, ''), ...teamNames];
  return [lettersAndDigits, (text: string) => lettersAndDigits(undisguised(fold(text)))].some((reduce) => {
    const text = reduce(password);
    return contains(text, reduce(email)) || names.some((name) => isDecorated(text, reduce(name)));
  });
}

function isDecorated(text: string, name: string): boolean {
  if (!contains(text, name)) return false;
  const rest = text.replaceAll(name, '');
  return !/\p{L}/u.test(rest) || rest.length * 2 <= text.length;
}

function contains(text: string, name: string): boolean {
  return name.length >= MIN_NAME_LENGTH && text.includes(name);
}

function lettersAndDigits(text: string): string {
  return fold(text).replace(/[^\p{L}\p{M}\p{N}]/gu, '');
}

function undisguised(folded: string): string {
  return folded.replace(/[0134579@$!]/g, (char) => LOOKALIKES[char] ?? char);
}

/** NFKC and case folding; upper case first, because only that expands `ß` and unites the sigmas. */
function fold(text: string): string {
  return text.normalize('NFKC').toUpperCase().toLowerCase();
}

interface CommonLists {
  whole: ReadonlySet<string>;
  bases: ReadonlySet<string>;
}

let lists: CommonLists | undefined;

/** Built at the first password set (about 3 ms), not at start-up. */
function commonLists(): CommonLists {
  lists ??= {
    whole: new Set(COMMON_PASSWORDS.trim().split(/\s+/)),
    bases: new Set([...CONTEXT_WORDS, ...COMMON_BASES.trim().split(/\s+/)]),
  };
  return lists;
}

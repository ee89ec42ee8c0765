import type { IndexTerms } from '../../platform/database/row-index.js';

/** The personal fields by which people are found again. */
export interface SearchablePerson {
  readonly firstName: string | null;
  readonly lastName: string | null;
  readonly email: string | null;
  /** E.164. */
  readonly phone: string | null;
}

const MIN_PREFIX = 3;
/** Longer prefixes tell no more people apart; the whole word is indexed besides. */
const MAX_PREFIX = 10;
const MAX_WORDS = 8;

/** A name as it is compared: diacritics folded, lower case, words of letters and digits. */
export function nameWords(text: string): string[] {
  const folded = text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  return [...new Set(folded.match(/[\p{L}\p{N}]+/gu) ?? [])].slice(0, MAX_WORDS);
}

/** Blind-index terms of a person in one table: exact e-mail and phone, last four digits, and prefixes of name words. */
export function personTerms(table: string, person: SearchablePerson): IndexTerms {
  const unique: string[] = [];
  const other: string[] = [];
  if (person.email) unique.push(emailTerm(table, person.email));
  if (person.phone) {
    unique.push(phoneTerm(table, person.phone));
    other.push(`${table}.phone4|${person.phone.slice(-4)}`);
  }
  const prefixes = new Set<string>();
  for (const word of nameWords(`${person.firstName ?? ''} ${person.lastName ?? ''}`)) {
    prefixes.add(word);
    for (let length = MIN_PREFIX; length <= Math.min(MAX_PREFIX, word.length); length++)
      prefixes.add(word.slice(0, length));
  }
  other.push(...[...prefixes].map((prefix) => `${table}.name|${prefix}`));
  return { unique, other };
}

export function emailTerm(table: string, email: string): string {
  return `${table}.email|${email.normalize('NFKC').toLowerCase()}`;
}

export function phoneTerm(table: string, e164: string): string {
  return `${table}.phone|${e164}`;
}

/** Terms that a record must all have to match a search text; four digits alone mean the end of a phone number. */
export function searchTerms(table: string, text: string): string[] {
  if (/^\d{4}$/.test(text.trim())) return [`${table}.phone4|${text.trim()}`];
  return nameWords(text).map(
    (word) => `${table}.name|${word.length > MAX_PREFIX ? word : word.slice(0, MAX_PREFIX)}`,
  );
}

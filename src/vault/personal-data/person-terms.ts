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
/** An address has more words than a name. */
const MAX_TEXT_WORDS = 24;

/** A name as it is compared: diacritics folded, lower case, words of letters and digits. */
export function nameWords(text: string, maxWords = MAX_WORDS): string[] {
  const folded = text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  return [...new Set(folded.match(/[\p{L}\p{N}]+/gu) ?? [])].slice(0, maxWords);
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
  other.push(
    ...prefixTerms(`${table}.name`, nameWords(`${person.firstName ?? ''} ${person.lastName ?? ''}`)),
  );
  return { unique, other };
}

/** Blind-index terms of plain texts: every word and its prefixes, under one purpose. */
export function wordTerms(purpose: string, texts: readonly (string | null | undefined)[]): string[] {
  return prefixTerms(purpose, nameWords(texts.filter(Boolean).join(' '), MAX_TEXT_WORDS));
}

function prefixTerms(purpose: string, words: readonly string[]): string[] {
  const prefixes = new Set<string>();
  for (const word of words) {
    prefixes.add(word);
    for (let length = MIN_PREFIX; length <= Math.min(MAX_PREFIX, word.length); length++)
      prefixes.add(word.slice(0, length));
  }
  return [...prefixes].map((prefix) => `${purpose}|${prefix}`);
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
  return searchWords(`${table}.name`, text);
}

/** Terms of the words of a search text under a purpose; none for a text without words. */
export function searchWords(purpose: string, text: string): string[] {
  return nameWords(text).map((word) => `${purpose}|${word}`);
}

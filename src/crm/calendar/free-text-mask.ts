import { maskEmail, maskLastName } from '../../vault/personal-data/masks.js';

const EMAIL = /[^\s<>(),;:"]+@[^\s<>(),;:"]+\.[^\s<>(),;:"]+/g;
/** Seven digits and more, however they are grouped. */
const PHONE = /\+?\(?\d(?:[\s().-]{0,2}\d){6,}/g;

/** A title or place without e-mail addresses, phone numbers, and the last names of the people it is about. */
export function maskFreeText(text: string, lastNames: readonly string[]): string {
  let masked = text.replace(EMAIL, maskEmail).replace(PHONE, '***');
  for (const name of lastNames) {
    const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    const word = new RegExp(`(?<![\\p{L}\\p{N}])${escaped}(?![\\p{L}\\p{N}])`, 'giu');
    masked = masked.replace(word, maskLastName(name));
  }
  return masked;
}

import { type CountryCode, parsePhoneNumberFromString } from 'libphonenumber-js/min';
import { invalidField } from '../../platform/http/api-error.js';

/**
 * A phone number as E.164. Numbers without a country code belong to the team's region; possible numbers are
 * enough, because numbering plans change faster than libraries.
 * @throws ApiError 400 naming the field
 */
export function normalizePhone(text: string, region: string, field: string): string {
  const parsed = parsePhoneNumberFromString(text, region as CountryCode);
  if (!parsed?.isPossible() || parsed.ext) throw invalidField(field, 'is not a possible phone number');
  return parsed.number;
}

import { type CountryCode, parsePhoneNumberFromString } from 'libphonenumber-js/min';
import { invalidField } from '../../platform/http/api-error.js';

/**
 * A number of the North American plan as E.164 has it. The library takes it as it is, which a spec checks; reading it
 * costs forty times as much as this, and integrators send little else.
 */
const PLAIN_E164 = /^\+1[2-9]\d{9}$/;

/**
 * A phone number as E.164. Numbers without a country code belong to the team's region; possible numbers are
 * enough, because numbering plans change faster than libraries.
 * @throws ApiError 400 naming the field
 */
export function normalizePhone(text: string, region: string, field: string): string {
  if (PLAIN_E164.test(text)) return text;
  const parsed = parsePhoneNumberFromString(text, region as CountryCode);
  if (!parsed?.isPossible() || parsed.ext) throw invalidField(field, 'is not a possible phone number');
  return parsed.number;
}

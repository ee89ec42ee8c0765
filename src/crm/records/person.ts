import { maskEmail, maskLastName, maskPhone } from '../../vault/personal-data/masks.js';
import { normalizePhone } from '../../vault/personal-data/phone-number.js';
import type { RequestContext } from '../../platform/context/request-context.js';

/** A person's values as those see them who lack the resource's `pii` scope. */
export function maskPerson(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return {
    ...values,
    ...masked('lastName', values.lastName, maskLastName),
    ...masked('email', values.email, maskEmail),
    ...masked('phone', values.phone, maskPhone),
  };
}

function masked(field: string, value: unknown, mask: (text: string) => string): Record<string, string> {
  return typeof value === 'string' ? { [field]: mask(value) } : {};
}

/** The phone number of a body as it is stored: E.164, by default of the team's region. @throws ApiError 400 */
export function storedPhone(
  context: RequestContext,
  phone: string | null | undefined,
): { phone?: string | null } {
  if (phone === undefined) return {};
  return { phone: phone === null ? null : normalizePhone(phone, context.principal.defaultRegion, 'phone') };
}

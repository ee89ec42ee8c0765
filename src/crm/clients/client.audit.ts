import { maskEmail, maskLastName, maskPhone } from '../../vault/personal-data/masks.js';

/** Plain fields that the audit log keeps; personal ones are sealed into the row besides. */
export const CLIENT_AUDITED = ['type', 'status', 'tags', 'ownerId'] as const;
export const CLIENT_PERSONAL = ['firstName', 'lastName', 'email', 'phone', 'address', 'notes'] as const;

/** Personal fields as those see them who lack `clients:pii`. */
export function maskClient<T extends { lastName?: unknown; email?: unknown; phone?: unknown }>(values: T): T {
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

/** Plain fields: shown to every reader, and kept by the audit log (sealed, if an erasure empties them). */
export const LEAD_AUDITED = [
  'leadType',
  'leadStatus',
  'source',
  'budgetMin',
  'budgetMax',
  'currency',
  'tags',
  'convertedClientId',
  'convertedAt',
  'ownerId',
] as const;
/** Personal fields: sealed, in the row and in the audit log. */
export const LEAD_PERSONAL = ['firstName', 'lastName', 'email', 'phone', 'notes'] as const;

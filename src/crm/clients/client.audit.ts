/** Plain fields: shown to every reader, and kept by the audit log (sealed, if an erasure empties them). */
export const CLIENT_AUDITED = ['type', 'status', 'tags', 'ownerId'] as const;
/** Personal fields: sealed, in the row and in the audit log. */
export const CLIENT_PERSONAL = ['firstName', 'lastName', 'email', 'phone', 'address', 'notes'] as const;

/** Plain fields: shown to every reader, and kept by the audit log. */
export const ESCROW_AUDITED = [
  'listingId',
  'clientId',
  'escrowNumber',
  'status',
  'purchasePrice',
  'currency',
  'openedAt',
  'closesAt',
  'closedAt',
  'ownerId',
] as const;
/** Free text that may name people: sealed, in the row and in the audit log. */
export const ESCROW_PERSONAL = ['checklist'] as const;

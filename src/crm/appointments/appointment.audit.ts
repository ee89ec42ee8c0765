/** Plain fields: shown to every reader, and kept by the audit log. */
export const APPOINTMENT_AUDITED = [
  'startsAt',
  'endsAt',
  'timeZone',
  'type',
  'status',
  'clientId',
  'leadId',
  'listingId',
  'ownerId',
] as const;
/** Free text that may name people: sealed, in the row and in the audit log. */
export const APPOINTMENT_PERSONAL = ['title', 'location'] as const;

/** The time in the one spelling that digests and seals cover; null before 1970, since a year is spelled the same before and after Christ. */
export const CREATED_AT = `CASE WHEN a.created_at >= 'epoch' THEN to_char(a.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') END`;

/** One that has the length of no digest is nobody's; it must not look as if there were none, nor be as long as somebody likes. */
export const CONTENT_DIGEST = `CASE WHEN octet_length(a.content_digest) = 32 THEN encode(a.content_digest, 'hex')
  WHEN a.content_digest IS NOT NULL THEN '?' END`;
export const MAC = `CASE WHEN octet_length(a.mac) = 32 THEN encode(a.mac, 'hex') END`;

/** Many times what a request can bring; a row with more is nobody's, and is shown without it. */
const MAX_SEALED_BYTES = 16 * 1024 * 1024;

/** Columns of an audit row in the order in which version 1 digests them; the text is PostgreSQL's own, so it is what is stored. */
const FIRST_COLUMNS = {
  teamId: 'a.team_id::text',
  id: 'a.id::text',
  createdAt: CREATED_AT,
  action: 'a.action',
  resourceType: 'a.resource_type',
  resourceId: 'a.resource_id::text',
  userId: 'a.user_id::text',
  apiKeyId: 'a.api_key_id::text',
  authMethod: 'a.auth_method',
  oldValues: 'a.old_values::text',
  newValues: 'a.new_values::text',
  sealed: `CASE WHEN octet_length(a.sealed) <= ${MAX_SEALED_BYTES} THEN encode(a.sealed, 'hex') END`,
  // As `host()`, but with the mask that somebody may have added.
  ipAddress: 'abbrev(a.ip_address)',
  userAgent: 'a.user_agent',
  requestId: 'a.request_id',
  writtenIn: 'a.written_in::text',
  mac: MAC,
} as const;
const COLUMNS = { ...FIRST_COLUMNS, contentDigest: CONTENT_DIGEST } as const;

/** An audit row as it is stored, every column as text. `contentDigest` is null in rows from before version 2. */
export type StoredRow = Readonly<Record<keyof typeof COLUMNS, string | null>> & {
  readonly id: string;
  readonly teamId: string;
  readonly createdAt: string;
};

/** What a seal is made of: enough to tell whose row it is, without its contents. */
export type RowMark = Pick<StoredRow, 'teamId' | 'id' | 'createdAt' | 'writtenIn' | 'contentDigest' | 'mac'>;

/** Names a row of the whole installation. */
export const rowKey = ({ teamId, id }: Pick<RowMark, 'teamId' | 'id'>): string => `${teamId} ${id}`;

/** What can be sealed: a row in full is checked and digested in full. */
export type SealableRow = RowMark | StoredRow;

export function isWhole(row: SealableRow): row is StoredRow {
  return 'action' in row;
}

/** The columns that version 1 digests, in order. */
export const FIRST_NAMES = Object.keys(FIRST_COLUMNS) as (keyof typeof FIRST_COLUMNS)[];
const NAMES = Object.keys(COLUMNS) as (keyof typeof COLUMNS)[];

/** Selects the columns of a {@link StoredRow} from `audit_log a`. */
export const STORED_COLUMNS = NAMES.map((name) => `${COLUMNS[name]} AS "${name}"`).join(', ');

/** Exactly the columns of a stored row, for an export; other properties fall away. */
export function storedRowOf(row: StoredRow): StoredRow {
  return Object.fromEntries(NAMES.map((name) => [name, row[name]])) as StoredRow;
}

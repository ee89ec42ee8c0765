import { hash } from 'node:crypto';

/** Columns of an audit row in the order in which they are digested; the text is PostgreSQL's own, so it is what is stored. */
const COLUMNS = {
  teamId: 'a.team_id::text',
  id: 'a.id::text',
  createdAt: `to_char(a.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`,
  action: 'a.action',
  resourceType: 'a.resource_type',
  resourceId: 'a.resource_id::text',
  userId: 'a.user_id::text',
  apiKeyId: 'a.api_key_id::text',
  authMethod: 'a.auth_method',
  oldValues: 'a.old_values::text',
  newValues: 'a.new_values::text',
  sealed: `encode(a.sealed, 'hex')`,
  ipAddress: 'host(a.ip_address)',
  userAgent: 'a.user_agent',
  requestId: 'a.request_id',
  writtenIn: 'a.written_in::text',
  mac: `encode(a.mac, 'hex')`,
} as const;

/** An audit row as it is stored, every column as text. */
export type StoredRow = Readonly<Record<keyof typeof COLUMNS, string | null>> & {
  readonly id: string;
  readonly teamId: string;
  readonly createdAt: string;
};

const NAMES = Object.keys(COLUMNS) as (keyof typeof COLUMNS)[];

/** Selects the columns of a {@link StoredRow} from `audit_log a`. */
export const STORED_COLUMNS = NAMES.map((name) => `${COLUMNS[name]} AS "${name}"`).join(', ');

/**
 * SHA-256 over everything that is stored of a row, sealed personal values in their encrypted form: erasing a
 * subject's data key leaves the digest as it is.
 */
export function digestOf(row: StoredRow): Buffer {
  const text = JSON.stringify(NAMES.map((name) => row[name]));
  return hash('sha256', `latchkey-audit-row-v1\n${text}`, 'buffer');
}

/** Exactly the columns of a stored row, for an export; other properties fall away. */
export function storedRowOf(row: StoredRow): StoredRow {
  return Object.fromEntries(NAMES.map((name) => [name, row[name]])) as StoredRow;
}

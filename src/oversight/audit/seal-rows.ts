import type { Seal, SealHeader } from './seal.js';

/** Selects the columns of a {@link SealHeader} from `audit_seal s`, in the spelling that was signed. */
export const HEADER_COLUMNS = `s.team_id::text AS "teamId", s.seq::text AS seq, cardinality(s.ids) AS rows,
  s.total_rows::text AS "totalRows", s.ids[cardinality(s.ids)]::text AS "lastId",
  to_char(s.first_created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "firstCreatedAt",
  to_char(s.last_created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "lastCreatedAt",
  to_char(s.sealed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "sealedAt",
  encode(s.root, 'hex') AS root, encode(s.previous_root, 'hex') AS "previousRoot", s.key_id AS "keyId",
  encode(s.signature, 'hex') AS signature`;

/** The whole {@link Seal}. */
export const SEAL_COLUMNS = `${HEADER_COLUMNS}, s.ids::text[] AS ids, encode(s.digests, 'hex') AS digests`;

/** Numbers arrive as text where the column is a bigint. */
export function headerFrom(row: Record<string, unknown>): SealHeader {
  return {
    ...(row as unknown as SealHeader),
    seq: Number(row.seq),
    rows: Number(row.rows),
    totalRows: Number(row.totalRows),
  };
}

export function sealFrom(row: Record<string, unknown>): Seal {
  return headerFrom(row) as Seal;
}

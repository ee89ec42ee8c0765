import type { Statement } from '../../platform/database/statement.js';
import type { AuditKeys } from './audit-keys.js';

/** What is left of the rows of one team in a month whose partition was removed. */
export interface Checkpoint {
  readonly id: string;
  readonly teamId: string;
  /** The month that was removed, such as `2025-01` (UTC). */
  readonly month: string;
  /** ISO 8601: the end of that month. */
  readonly before: string;
  /** Rows that were removed. */
  readonly rows: number;
  /** Batches up to this one are older than `before`: 0 for none. */
  readonly lastSeq: number;
  /** Root of that batch, hex; zeros for none. */
  readonly lastRoot: string;
  /** Removed rows of later batches: those that were sealed together with rows of the next month. */
  readonly otherIds: readonly string[];
  /** ISO 8601. */
  readonly removedAt: string;
  readonly removedBy: string;
  readonly reason: string;
  readonly keyId: string;
  /** Hex, Ed25519 (RFC 8032) over {@link checkpointText}. */
  readonly signature: string;
}

/** The text that is signed. JSON, because who and why are free text. */
export function checkpointText(point: Omit<Checkpoint, 'signature'>): string {
  const fields = [
    point.id,
    point.teamId,
    point.month,
    point.before,
    point.rows,
    point.lastSeq,
    point.lastRoot,
    point.otherIds,
    point.removedAt,
    point.removedBy,
    point.reason,
    point.keyId,
  ];
  return `latchkey-audit-checkpoint-v1\n${JSON.stringify(fields)}`;
}

export function signedCheckpoint(
  keys: AuditKeys,
  point: Omit<Checkpoint, 'keyId' | 'signature'>,
): Checkpoint {
  const whole = { ...point, keyId: keys.keyId };
  return { ...whole, signature: keys.sign(checkpointText(whole)) };
}

/** Selects a {@link Checkpoint} from `audit_checkpoint c`. */
export const CHECKPOINT_COLUMNS = `c.id::text, c.team_id::text AS "teamId", to_char(c.month, 'YYYY-MM') AS month,
  to_char((c.month + interval '1 month')::date, 'YYYY-MM-DD"T00:00:00.000Z"') AS before, c.rows::text, c.last_seq::text AS "lastSeq",
  encode(c.last_root, 'hex') AS "lastRoot", c.other_ids::text[] AS "otherIds",
  to_char(c.removed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "removedAt",
  c.removed_by AS "removedBy", c.reason, c.key_id AS "keyId", encode(c.signature, 'hex') AS signature`;

/** Numbers arrive as text where the column is a bigint. */
export function checkpointFrom(row: Record<string, unknown>): Checkpoint {
  return { ...(row as unknown as Checkpoint), rows: Number(row.rows), lastSeq: Number(row.lastSeq) };
}

/** Adds a checkpoint; the owner's rights are needed. */
export function checkpointInsert(point: Checkpoint): Statement {
  return {
    name: null,
    text: `INSERT INTO audit_checkpoint (team_id, id, month, rows, last_seq, last_root, other_ids, removed_at, removed_by,
        reason, key_id, signature)
      VALUES ($1, $2, $3, $4, $5, decode($6, 'hex'), $7, $8, $9, $10, $11, decode($12, 'hex'))`,
    values: [
      point.teamId,
      point.id,
      `${point.month}-01`,
      point.rows,
      point.lastSeq,
      point.lastRoot,
      point.otherIds,
      point.removedAt,
      point.removedBy,
      point.reason,
      point.keyId,
      point.signature,
    ],
  };
}

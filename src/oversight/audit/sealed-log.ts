import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/database/database.js';
import type { Row, Statement } from '../../platform/database/statement.js';
import { type Checkpoint, CHECKPOINT_COLUMNS, checkpointFrom } from './checkpoint.js';
import type { Seal, SealHeader } from './seal.js';
import { HEADER_COLUMNS, headerFrom, SEAL_COLUMNS, sealFrom } from './seal-rows.js';
import { STORED_COLUMNS, type StoredRow } from './stored-row.js';

/** A row has had its turn when the sealer has passed it; see migration 1795450000000. */
export const HAD_ITS_TURN = `((pg_visible_in_snapshot(a.written_in, st.sealed_through) OR (st.target IS NOT NULL
  AND pg_visible_in_snapshot(a.written_in, st.target) AND (a.written_in, a.id) <= (st.cursor_xid, st.cursor_id))) IS TRUE)`;

/** Where the sealer stands in the log of the team $1: where it stood when the log was held, if it is. */
const STANDING = `(SELECT coalesce(h.sealed_through, s.sealed_through) AS sealed_through,
    CASE WHEN h.team_id IS NULL THEN s.target ELSE h.target END AS target,
    CASE WHEN h.team_id IS NULL THEN s.cursor_xid ELSE h.cursor_xid END AS cursor_xid,
    CASE WHEN h.team_id IS NULL THEN s.cursor_id ELSE h.cursor_id END AS cursor_id
  FROM audit_sealer s LEFT JOIN audit_held h ON h.team_id = $1) st`;

const NOT_SEALED = `NOT EXISTS (SELECT FROM audit_seal s WHERE s.team_id = a.team_id AND s.last_created_at >= a.created_at
  AND s.first_created_at <= a.created_at AND a.id = ANY (s.ids))`;

const FIRST_ID = '00000000-0000-0000-0000-000000000000';
const IDS_AT_ONCE = 50_000;

/** How far a team's log has come, at one moment. */
export interface LogState {
  readonly headSeq: number;
  /** Rows that the sealer has passed: all of them must be in some batch. */
  readonly passedRows: number;
  readonly pendingRows: number;
}

/** Reads of a whole log, piece by piece, so that memory stays the same whatever its length. */
@Injectable()
export class SealedLog {
  constructor(private readonly database: Database) {}

  async state(teamId: string): Promise<LogState> {
    const [row] = await this.read(teamId, {
      name: 'sealed-log:state',
      text: `SELECT (SELECT coalesce(max(seq), 0) FROM audit_seal WHERE team_id = $1) AS head, count(a.id) AS rows,
          count(a.id) FILTER (WHERE ${HAD_ITS_TURN}) AS passed
        FROM ${STANDING} LEFT JOIN audit_log a ON a.team_id = $1`,
      values: [teamId],
    });
    const passedRows = Number(row.passed);
    return { headSeq: Number(row.head), passedRows, pendingRows: Number(row.rows) - passedRows };
  }

  /** What retention left behind, oldest month first. */
  async checkpoints(teamId: string): Promise<Checkpoint[]> {
    const rows = await this.read(teamId, {
      name: 'sealed-log:checkpoints',
      text: `SELECT ${CHECKPOINT_COLUMNS} FROM audit_checkpoint c WHERE c.team_id = $1 ORDER BY c.month, c.id`,
      values: [teamId],
    });
    return rows.map(checkpointFrom);
  }

  /** The first batch of each key, in the order of the batches. */
  async keyStarts(teamId: string): Promise<SealHeader[]> {
    const rows = await this.read(teamId, {
      name: 'sealed-log:key-starts',
      text: `SELECT ${HEADER_COLUMNS} FROM audit_seal s WHERE s.team_id = $1
          AND s.seq IN (SELECT min(seq) FROM audit_seal WHERE team_id = $1 GROUP BY key_id) ORDER BY s.seq`,
      values: [teamId],
    });
    return rows.map(headerFrom);
  }

  /** The number of the first batch of each of these keys that the log has one of. */
  async beginningsOf(teamId: string, keyIds: readonly string[]): Promise<Map<string, number>> {
    const rows = await this.read(teamId, {
      name: 'sealed-log:beginnings',
      text: `SELECT k.id, b.seq::text AS seq FROM unnest($2::text[]) k (id), LATERAL (
          SELECT s.seq FROM audit_seal s WHERE s.team_id = $1 AND s.key_id = k.id ORDER BY s.seq LIMIT 1) b`,
      values: [teamId, keyIds],
    });
    return new Map(rows.map(({ id, seq }) => [id as string, Number(seq)]));
  }

  /** The batch after `seq`, up to and including `limitSeq`; null at the end. */
  async batchAfter(teamId: string, seq: number, limitSeq: number): Promise<Seal | null> {
    const [row] = await this.read(teamId, {
      name: 'sealed-log:batch',
      text: `SELECT ${SEAL_COLUMNS} FROM audit_seal s WHERE s.team_id = $1 AND s.seq > $2 AND s.seq <= $3 ORDER BY s.seq LIMIT 1`,
      values: [teamId, seq, limitSeq],
    });
    return row ? sealFrom(row) : null;
  }

  /** The rows of a batch that are still there, by id. The times of the batch keep the look-up to its partitions. */
  async rowsOf(seal: Seal): Promise<Map<string, StoredRow & Row>> {
    const rows = await this.read(seal.teamId, {
      name: 'sealed-log:rows',
      text: `SELECT ${STORED_COLUMNS}, k.wrapped FROM audit_log a
        LEFT JOIN LATERAL (SELECT k.wrapped FROM data_keys k
          WHERE k.team_id = a.team_id AND k.subject_id = a.resource_id LIMIT 1) k ON true
        WHERE a.team_id = $1 AND a.id = ANY ($2::uuid[]) AND a.created_at >= $3 AND a.created_at <= $4`,
      values: [seal.teamId, seal.ids, seal.firstCreatedAt, seal.lastCreatedAt],
    });
    return new Map(rows.map((row) => [row.id as string, row as StoredRow & Row]));
  }

  /** A row that the sealer has passed and left out: somebody else put it there. */
  async firstUnsealed(teamId: string): Promise<string | null> {
    const [row] = await this.read(teamId, {
      name: 'sealed-log:foreign',
      text: `SELECT a.id FROM ${STANDING}, audit_log a WHERE a.team_id = $1 AND ${HAD_ITS_TURN} AND ${NOT_SEALED} ORDER BY a.id LIMIT 1`,
      values: [teamId],
    });
    return (row?.id as string | undefined) ?? null;
  }

  /** An id that more than one row has: the second is a copy, whatever it says, since an id is made for one change. */
  async firstDoubled(teamId: string): Promise<string | null> {
    // In pieces, which overlap by an id: a statement over a log of years would not end in time.
    for (let from = FIRST_ID; ;) {
      const [piece] = await this.read(teamId, {
        name: 'sealed-log:doubled',
        text: `SELECT sum(n)::int AS rows, max(id::text) AS last, min(id::text) FILTER (WHERE n > 1) AS doubled
          FROM (SELECT id, count(*) AS n FROM
            (SELECT id FROM audit_log WHERE team_id = $1 AND id >= $2 ORDER BY id LIMIT ${IDS_AT_ONCE}) p GROUP BY id) g`,
        values: [teamId, from],
      });
      if (piece.doubled !== null) return piece.doubled as string;
      if (Number(piece.rows) < IDS_AT_ONCE) return null;
      from = piece.last as string;
    }
  }

  /** A row that says that it was written in no transaction, or in one that is yet to come: it would wait for its seal for ever. */
  async firstOutOfTime(teamId: string): Promise<string | null> {
    const [row] = await this.read(teamId, {
      name: 'sealed-log:out-of-time',
      text: `SELECT id FROM audit_log WHERE team_id = $1
          AND (written_in IS NULL OR written_in >= pg_snapshot_xmax(pg_current_snapshot())) ORDER BY id LIMIT 1`,
      values: [teamId],
    });
    return (row?.id as string | undefined) ?? null;
  }

  /** Rows that wait for their seal, by keyset. @param id null to begin */
  async pendingAfter(teamId: string, id: string | null, limit: number): Promise<(StoredRow & Row)[]> {
    const rows = await this.read(teamId, {
      name: id === null ? 'sealed-log:pending' : 'sealed-log:pending-after',
      text: `SELECT ${STORED_COLUMNS}, k.wrapped FROM ${STANDING}, audit_log a
        LEFT JOIN LATERAL (SELECT k.wrapped FROM data_keys k
          WHERE k.team_id = a.team_id AND k.subject_id = a.resource_id LIMIT 1) k ON true
        WHERE a.team_id = $1 ${id === null ? '' : 'AND a.id > $2'}
          AND a.written_in >= pg_snapshot_xmin(st.sealed_through) AND NOT ${HAD_ITS_TURN}
        ORDER BY a.id LIMIT ${Math.trunc(limit)}`,
      values: id === null ? [teamId] : [teamId, id],
    });
    return [...rows] as (StoredRow & Row)[];
  }

  private async read(teamId: string, statement: Statement): Promise<readonly Row[]> {
    const [result] = await this.database.runIn({ teamId, userId: null }, [statement]);
    return result.rows;
  }
}

import type { LeaderConnection } from '../../../platform/database/leader-connection.js';
import type { Seal } from '../seal.js';
import { SEAL_COLUMNS, sealFrom } from '../seal-rows.js';

/** Batches and rows that are read in one go; the last batch may go beyond. */
const MOST_BATCHES = 100;
const MOST_ROWS = 500;

/** A place between two rows of the log: everything before it was accepted. */
export interface Position {
  readonly page: string;
  readonly teamId: string;
  readonly seq: number;
  /** Rows of this batch that lie before the place. */
  readonly rowsSent: number;
}

/** A batch in the order of forwarding. */
export interface NumberedSeal extends Seal {
  readonly page: string;
  /** How many of its rows were accepted already. */
  readonly rowsSent: number;
}

/** What waits, and the version of the position that it was read at. */
export interface Waiting {
  readonly version: string;
  readonly seals: readonly NumberedSeal[];
}

/** Since when and how deliveries fail. */
export interface Failing {
  readonly sinceMs: number;
  readonly reportedAtMs: number | null;
}

/** The durable position of the forwarding, on the leader's own connection. */
export class ForwardStore {
  constructor(private readonly connection: LeaderConnection) {}

  /** The batches behind the position; position and batches come from one snapshot. */
  async waiting(): Promise<Waiting> {
    const rows = await this.connection.query<Record<string, unknown>>({
      name: 'forwarder:waiting',
      text: `SELECT f.version::text AS version, s.page::text AS page, ${SEAL_COLUMNS},
          CASE WHEN (s.page, s.team_id, s.seq) = (f.at_page, f.at_team, f.at_seq) THEN f.rows_sent ELSE 0 END AS "rowsSent"
        FROM audit_forwarding f LEFT JOIN LATERAL (
          SELECT w.*, sum(cardinality(w.ids)) OVER (ORDER BY w.page, w.team_id, w.seq) - cardinality(w.ids) AS rows_before
          FROM latchkey.seals_to_forward($1) w) s ON s.rows_before < $2
        ORDER BY s.page, s.team_id, s.seq`,
      values: [MOST_BATCHES, MOST_ROWS],
    });
    const seals = rows.filter(({ page }) => page !== null).map((row) => sealFrom(row) as NumberedSeal);
    return { version: rows[0].version as string, seals };
  }

  /**
   * Moves on, after the receiver accepted everything before `to`.
   * @throws the driver's error with code LK001 when another forwarder moved on in between
   */
  async move(version: string, to: Position): Promise<void> {
    await this.connection.query({
      name: 'forwarder:move',
      text: 'SELECT latchkey.move_audit_forwarding($1, $2, $3, $4, $5)',
      values: [version, to.page, to.teamId, to.seq, to.rowsSent],
    });
  }

  async noteFailure(code: string, reported: boolean): Promise<void> {
    await this.connection.query({
      name: 'forwarder:failure',
      text: 'SELECT latchkey.note_forwarding_failure($1, $2)',
      values: [code, reported],
    });
  }

  /** Null while deliveries succeed. */
  async failing(): Promise<Failing | null> {
    const [row] = await this.connection.query<{ since: string | null; reported: string | null }>({
      name: 'forwarder:failing',
      text: `SELECT (extract(epoch FROM failing_since) * 1000)::bigint::text AS since,
          (extract(epoch FROM reported_at) * 1000)::bigint::text AS reported FROM audit_forwarding`,
    });
    if (row.since === null) return null;
    return { sinceMs: Number(row.since), reportedAtMs: row.reported === null ? null : Number(row.reported) };
  }
}

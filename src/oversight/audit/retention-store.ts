import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { enter } from '../../platform/database/database.js';
import type { Statement } from '../../platform/database/statement.js';
import { type Checkpoint, checkpointInsert } from './checkpoint.js';
import { HAD_ITS_TURN } from './sealed-log.js';
import { ADVISORY_LOCK } from '../../platform/database/advisory-locks.js';

/** Writers queue behind a waiting DROP: better to give up and come back. */
const LOCK_TIMEOUT = '2s';

/** After so long without a delivery the forwarding was given up, rather than forgotten in the settings of one process. */
const RECEIVER_DAYS = 30;

/** What a month's partition holds of one team. */
export interface TeamMonth {
  readonly teamId: string;
  readonly rows: number;
}

/** Where a team's chain stands at the end of a month. */
export type MonthEnd = Pick<Checkpoint, 'lastSeq' | 'lastRoot' | 'otherIds'>;

/** The owner's connection: the application's role can neither drop a partition nor add a checkpoint. */
export class RetentionStore {
  private constructor(private readonly client: pg.Client) {}

  static async connect(ownerUrl: string): Promise<RetentionStore> {
    const client = new pg.Client({ connectionString: ownerUrl, connectionTimeoutMillis: 5000 });
    await client.connect();
    return new RetentionStore(client);
  }

  /** False while another instance is at it. The lock ends with the connection. */
  async lock(): Promise<boolean> {
    const { rows } = await this.client.query<{ got: boolean }>('SELECT pg_try_advisory_lock($1) AS got', [
      ADVISORY_LOCK.auditRetention,
    ]);
    return rows[0].got;
  }

  /** Months that have a partition and lie before the given one, oldest first; all as `YYYY-MM`. */
  async monthsBefore(month: string): Promise<string[]> {
    const { rows } = await this.client.query<{ month: string }>(
      `SELECT translate(substr(c.relname, 11), '_', '-') AS month
       FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
       WHERE i.inhparent = 'public.audit_log'::regclass AND c.relname ~ '^audit_log_\\d{4}_\\d{2}$' ORDER BY 1`,
    );
    return rows.map((row) => row.month).filter((each) => each < month);
  }

  async teamsOf(month: string): Promise<TeamMonth[]> {
    const { rows } = await this.client.query<{ teamId: string; rows: string }>(
      `SELECT team_id::text AS "teamId", count(*)::text AS rows FROM ${partition(month)} GROUP BY 1 ORDER BY 1`,
    );
    return rows.map(({ teamId, rows: count }) => ({ teamId, rows: Number(count) }));
  }

  /** Whether rows from before this moment still wait for the sealer. */
  async hasUnsealed(before: string): Promise<boolean> {
    const { rows } = await this.client.query<{ waiting: boolean }>(
      `SELECT EXISTS (SELECT FROM audit_sealer st, audit_log a WHERE a.created_at < $1
         AND a.written_in >= pg_snapshot_xmin(st.sealed_through) AND NOT ${HAD_ITS_TURN}) AS waiting`,
      [before],
    );
    return rows[0].waiting;
  }

  /** Whether a receiver accepted something lately, so that there is one, whatever the settings of this process say. */
  async hasReceiver(): Promise<boolean> {
    const { rows } = await this.client.query<{ lately: boolean | null }>(
      `SELECT bool_or(delivered_at > now() - interval '${RECEIVER_DAYS} days') AS lately FROM audit_forwarding`,
    );
    return rows[0].lately ?? false;
  }

  /** Whether batches with rows from before this moment still wait to be forwarded. */
  async hasUnforwarded(before: string): Promise<boolean> {
    const position = await this.client.query<{ at: string[] }>(
      'SELECT ARRAY[at_page::text, at_team::text, at_seq::text, rows_sent::text] AS at FROM audit_forwarding',
    );
    // Somebody took the position away: then nothing is known to have been accepted.
    if (position.rows.length === 0) return true;
    // As parameters: only then does the planner see that nearly all batches lie before the position.
    const { rows } = await this.client.query<{ waiting: boolean }>(
      `SELECT EXISTS (SELECT FROM audit_seal s WHERE s.first_created_at < $1
         AND (s.page, s.team_id, s.seq) >= ($2::bigint, $3::uuid, $4::bigint)
         AND ((s.page, s.team_id, s.seq) <> ($2::bigint, $3::uuid, $4::bigint) OR cardinality(s.ids) > $5::integer)) AS waiting`,
      [before, ...position.rows[0].at],
    );
    return rows[0].waiting;
  }

  async monthEnd(teamId: string, month: string, before: string): Promise<MonthEnd> {
    const { rows } = await this.client.query<{ lastSeq: string; lastRoot: string; otherIds: string[] }>(
      `WITH point AS (SELECT coalesce(min(seq) FILTER (WHERE last_created_at >= $2) - 1, max(seq), 0) AS seq
         FROM audit_seal WHERE team_id = $1)
       SELECT p.seq::text AS "lastSeq",
         coalesce((SELECT encode(s.root, 'hex') FROM audit_seal s WHERE s.team_id = $1 AND s.seq = p.seq), repeat('0', 64)) AS "lastRoot",
         ARRAY(SELECT i.id::text FROM audit_seal s CROSS JOIN unnest(s.ids) i (id)
           WHERE s.team_id = $1 AND s.seq > p.seq AND s.first_created_at < $2
             AND EXISTS (SELECT FROM ${partition(month)} a WHERE a.team_id = $1 AND a.id = i.id) ORDER BY 1) AS "otherIds"
       FROM point p`,
      [teamId, before],
    );
    return { ...rows[0], lastSeq: Number(rows[0].lastSeq) };
  }

  /** Adds checkpoints and audit rows and drops the partition: all of it or nothing. */
  async remove(month: string, points: readonly Checkpoint[], audit: readonly Statement[][]): Promise<void> {
    await this.client.query('BEGIN');
    try {
      await this.client.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
      for (const [index, point] of points.entries()) {
        const scope = { teamId: point.teamId, userId: null };
        for (const { text, values } of [
          enter(scope, randomUUID()),
          checkpointInsert(point),
          ...audit[index],
        ]) {
          await this.client.query(text, [...values]);
        }
      }
      await this.client.query('SELECT latchkey.drop_audit_partition($1)', [`${month}-01`]);
      await this.client.query('COMMIT');
    } catch (error) {
      await this.client.query('ROLLBACK').catch(() => undefined);
      throw error;
    }
  }

  async end(): Promise<void> {
    await this.client.end().catch(() => undefined);
  }
}

function partition(month: string): string {
  if (!/^\d{4}-\d{2}$/.test(month)) throw new Error('a month is YYYY-MM');
  return `public.audit_log_${month.replace('-', '_')}`;
}

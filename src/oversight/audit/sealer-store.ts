import type { LeaderConnection } from '../../platform/database/leader-connection.js';
import { CLOCKS_APART_MS } from './audit-keys.js';
import { byTeam } from './by-team.js';
import type { Seal, SealHeader } from './seal.js';
import { HEADER_COLUMNS, headerFrom } from './seal-rows.js';
import { MARK_LINES, marksFrom } from './row-marks.js';
import { type RowMark, rowKey, type SealableRow, STORED_COLUMNS, type StoredRow } from './stored-row.js';

/** Rows of all teams that have no seal yet, and where the sealer stands. */
export interface UnsealedPage {
  readonly rows: readonly SealableRow[];
  /** Version of the sealer's state that this was read at. */
  readonly version: string;
  /** The snapshot that bounds the present window. */
  readonly window: string;
  /** Whether a page before this one left the window open. */
  readonly isOpen: boolean;
}

/** A log that cannot be continued for now. */
export interface HeldLog {
  readonly teamId: string;
  readonly sinceMs: number;
}

/** Rows of a held log, and where the sealer stands. */
export interface HeldPage {
  readonly rows: readonly StoredRow[];
  readonly version: string;
  readonly target: string | null;
  readonly cursorXid: string | null;
  readonly cursorId: string | null;
}

/** Where the sealer `st` stands, and the snapshot that bounds the present window. */
const STANDING = `st.version::text AS version, coalesce(st.target, pg_current_snapshot())::text AS "window",
  st.target IS NOT NULL AS "isOpen"`;
type Standing = Omit<UnsealedPage, 'rows'>;

/** Twice as far as a row of ours may be from the time of its id. */
const NEARBY_MS = 2 * CLOCKS_APART_MS;

const APPEND = {
  name: 'sealer:append',
  text: 'SELECT latchkey.append_audit_seals($1, $2, $3, $4, $5, $6, $7, $8)',
};

/** What the sealer reads and writes, on a connection of its own. */
export class SealerStore {
  constructor(private readonly connection: LeaderConnection) {}

  /**
   * The marks of the rows; the rows in full when one of them has no content digest: then it is from before version 2, or nobody's of us.
   * Rows, window and state come from one statement, so they belong to one snapshot.
   */
  async page(limit: number): Promise<UnsealedPage> {
    const [{ lines, ...standing }] = await this.connection.query<Standing & { lines: string | null }>({
      name: 'sealer:marks',
      text: `SELECT ${STANDING}, (SELECT ${MARK_LINES} FROM latchkey.audit_to_seal($1) a) AS lines FROM audit_sealer st`,
      values: [limit],
    });
    const rows = marksFrom(lines);
    return rows.some(({ contentDigest }) => contentDigest === null)
      ? this.wholePage(limit)
      : { ...standing, rows };
  }

  private async wholePage(limit: number): Promise<UnsealedPage> {
    const rows = await this.connection.query<StoredRow & Standing>({
      name: 'sealer:page',
      text: `SELECT ${STANDING}, ${STORED_COLUMNS} FROM audit_sealer st LEFT JOIN LATERAL latchkey.audit_to_seal($1) a ON true`,
      values: [limit],
    });
    const [{ version, window, isOpen }] = rows;
    return { version, window, isOpen, rows: rows.filter(({ id }) => id !== null) };
  }

  async heads(teamIds: readonly string[]): Promise<Map<string, SealHeader>> {
    return this.headsOf('SELECT * FROM latchkey.audit_heads($1)', [teamIds]);
  }

  async headsSince(seconds: number): Promise<Map<string, SealHeader>> {
    return this.headsOf('SELECT * FROM latchkey.audit_heads_since(now() - make_interval(secs => $1))', [
      seconds,
    ]);
  }

  /** By team: the first batch of each key, in the order of the batches. */
  async keyStarts(teamIds: readonly string[]): Promise<Map<string, SealHeader[]>> {
    const starts = await this.headers('SELECT * FROM latchkey.audit_key_starts($1) ORDER BY seq', [teamIds]);
    return byTeam(starts);
  }

  private async headsOf(from: string, values: unknown[]): Promise<Map<string, SealHeader>> {
    return new Map((await this.headers(from, values)).map((head) => [head.teamId, head]));
  }

  private async headers(from: string, values: unknown[]): Promise<SealHeader[]> {
    const rows = await this.connection.query<Record<string, unknown>>({
      text: `SELECT ${HEADER_COLUMNS} FROM (${from}) s`,
      values,
    });
    return rows.map(headerFrom);
  }

  async held(): Promise<HeldLog[]> {
    return this.connection.query<{ teamId: string; sinceMs: number }>({
      name: 'sealer:held',
      text: `SELECT team_id::text AS "teamId", (extract(epoch FROM held_since) * 1000)::float8 AS "sinceMs"
        FROM latchkey.held_audit_logs()`,
    });
  }

  /**
   * Rows of a held log that the sealer has passed and that have no seal yet.
   * @param after the last row of the page before
   */
  async heldPage(teamId: string, after: StoredRow | null, limit: number): Promise<HeldPage> {
    const rows = await this.connection.query<StoredRow & Omit<HeldPage, 'rows'>>({
      name: 'sealer:held-page',
      text: `SELECT st.version::text AS version, st.target::text AS target, st.cursor_xid::text AS "cursorXid",
          st.cursor_id::text AS "cursorId", ${STORED_COLUMNS}
        FROM audit_sealer st LEFT JOIN LATERAL latchkey.held_audit_to_seal($1, $2, $3, $4) a ON true`,
      values: [teamId, after?.writtenIn ?? null, after?.id ?? null, limit],
    });
    const [{ version, target, cursorXid, cursorId }] = rows;
    return { version, target, cursorXid, cursorId, rows: rows.filter(({ id }) => id !== null) };
  }

  /**
   * Of rows of ours, the keys of those whose id another row of the team has as well. Both say a time near their id's, so the other one is not
   * far from these.
   */
  async doubled(rows: readonly SealableRow[]): Promise<Set<string>> {
    if (rows.length === 0) return new Set();
    const times = rows.map(({ createdAt }) => Date.parse(createdAt));
    const found = await this.connection.query<Pick<RowMark, 'teamId' | 'id'>>({
      name: 'sealer:doubled',
      text: `SELECT team_id::text AS "teamId", id::text AS id FROM latchkey.doubled_audit($1, $2, $3, $4)`,
      // As literals: the driver would look through every element for what must be escaped.
      values: [
        `{${rows.map(({ teamId }) => teamId).join(',')}}`,
        `{${rows.map(({ id }) => id).join(',')}}`,
        new Date(times.reduce((a, b) => Math.min(a, b)) - NEARBY_MS),
        new Date(times.reduce((a, b) => Math.max(a, b)) + NEARBY_MS),
      ],
    });
    return new Set(found.map(rowKey));
  }

  /**
   * Adds the seals of a page. A full page leaves the window open at its last row; a short one closes it.
   * @param hold teams whose rows in this page stay unsealed, and all of theirs from here on
   * @throws the driver's error with code LK001 when another sealer moved on in between
   */
  async append(
    page: UnsealedPage,
    seals: readonly Seal[],
    more: boolean,
    hold: readonly string[],
  ): Promise<void> {
    const last = more ? page.rows.at(-1) : undefined;
    await this.connection.query({
      ...APPEND,
      values: [
        page.version,
        more ? null : page.window,
        more ? page.window : null,
        last?.writtenIn ?? null,
        last?.id ?? null,
        JSON.stringify(seals),
        hold,
        [],
      ],
    });
  }

  /**
   * Adds a seal to a held log, if there is one; the sealer stays where it is.
   * @param release when this was the last page: the log is held no more
   * @throws as {@link append} does
   */
  async appendHeld(page: HeldPage, seals: readonly Seal[], release: readonly string[]): Promise<void> {
    const { version, target, cursorXid, cursorId } = page;
    await this.connection.query({
      ...APPEND,
      values: [version, null, target, cursorXid, cursorId, JSON.stringify(seals), [], release],
    });
  }
}

import type pg from 'pg';
import { LeaderConnection } from '../../platform/database/leader-connection.js';
import type { Seal, SealHeader } from './seal.js';
import { HEADER_COLUMNS, headerFrom } from './seal-rows.js';
import { STORED_COLUMNS, type StoredRow } from './stored-row.js';
import { ADVISORY_LOCK } from '../../platform/database/advisory-locks.js';

/** Rows of all teams that have no seal yet, and where the sealer stands. */
export interface UnsealedPage {
  readonly rows: readonly StoredRow[];
  /** Version of the sealer's state that this was read at. */
  readonly version: string;
  /** The snapshot that bounds the present window. */
  readonly window: string;
}

/** What the sealer reads and writes, on a connection of its own. */
export class SealerStore {
  private constructor(private readonly connection: LeaderConnection) {}

  static async connect(options: pg.ClientConfig, onLost: () => void): Promise<SealerStore> {
    return new SealerStore(await LeaderConnection.open(options, onLost));
  }

  lead(): Promise<boolean> {
    return this.connection.lead(ADVISORY_LOCK.auditSealing);
  }

  /** Rows, window and state come from one statement, so they belong to one snapshot. */
  async page(limit: number): Promise<UnsealedPage> {
    const rows = await this.connection.query<StoredRow & { version: string; window: string }>({
      name: 'sealer:page',
      text: `SELECT st.version::text AS version, coalesce(st.target, pg_current_snapshot())::text AS "window", ${STORED_COLUMNS}
        FROM audit_sealer st LEFT JOIN LATERAL latchkey.unsealed_audit($1) a ON true`,
      values: [limit],
    });
    const [{ version, window }] = rows;
    return { version, window, rows: rows.filter(({ id }) => id !== null) };
  }

  async heads(teamIds: readonly string[]): Promise<Map<string, SealHeader>> {
    return this.headsOf('SELECT * FROM latchkey.audit_heads($1)', [teamIds]);
  }

  async headsSince(seconds: number): Promise<Map<string, SealHeader>> {
    return this.headsOf('SELECT * FROM latchkey.audit_heads_since(now() - make_interval(secs => $1))', [
      seconds,
    ]);
  }

  /** Whether the key signed a batch of one of these teams. */
  async hasSigned(teamIds: readonly string[], keyId: string): Promise<boolean> {
    const rows = await this.connection.query<{ signed: boolean }>({
      text: 'SELECT latchkey.audit_key_signed($1, $2) AS signed',
      values: [teamIds, keyId],
    });
    return rows[0].signed;
  }

  private async headsOf(from: string, values: unknown[]): Promise<Map<string, SealHeader>> {
    const rows = await this.connection.query<Record<string, unknown>>({
      text: `SELECT ${HEADER_COLUMNS} FROM (${from}) s`,
      values,
    });
    return new Map(rows.map((row) => [row.teamId as string, headerFrom(row)]));
  }

  /**
   * Adds the seals of a page. A full page leaves the window open at its last row; a short one closes it.
   * @throws the driver's error with code LK001 when another sealer moved on in between
   */
  async append(page: UnsealedPage, seals: readonly Seal[], more: boolean): Promise<void> {
    const last = more ? page.rows.at(-1) : undefined;
    await this.connection.query({
      name: 'sealer:append',
      text: 'SELECT latchkey.append_audit_seals($1, $2, $3, $4, $5, $6)',
      values: [
        page.version,
        more ? null : page.window,
        more ? page.window : null,
        last?.writtenIn ?? null,
        last?.id ?? null,
        JSON.stringify(seals),
      ],
    });
  }

  end(): Promise<void> {
    return this.connection.end();
  }
}

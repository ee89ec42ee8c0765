import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { newId } from '../../platform/crypto/new-id.js';
import { Database } from '../../platform/database/database.js';
import { invalidate } from '../../platform/database/invalidations.js';
import type { Row, Statement } from '../../platform/database/statement.js';

/** The notice after which every instance reads the list again. */
export const BLOCKS_CHANGED = 'ip_blocks';
/** Minutes of the first, second and every further block. */
const BLOCK_MINUTES = '{15,60,1440}';
/** Earlier blocks count for this long, from their beginning. */
const MEMORY = '7 days';
/** More than an installation will ever keep out at once; the list stays bounded all the same. */
const MAX_ACTIVE = 50_000;

export interface IpBlock {
  readonly id: string;
  /** The address, or the /64 of an IPv6 address. */
  readonly subject: string;
  readonly reason: string;
  readonly offence: number;
  readonly blockedAt: string;
  readonly blockedUntil: string;
}

/** Blocks in the database. Times are the application clock's, so that all of a rule is measured by one clock. */
@Injectable()
export class IpBlockStore {
  constructor(private readonly database: Database) {}

  /**
   * Blocks a subject; each offence within seven days for longer than the last.
   * @returns null when it is blocked already
   */
  async block(subject: string, reason: string, requestId: string, nowIso: string): Promise<IpBlock | null> {
    const results = await this.database.run([
      platformUnit(),
      {
        name: 'ip-blocks:lock',
        // Two instances that block one address make one offence of it.
        text: 'SELECT pg_advisory_xact_lock(hashtextextended($1, 7203911541))',
        values: [subject],
      },
      {
        name: 'ip-blocks:insert',
        text: `WITH earlier AS (
            SELECT count(*)::int AS n, coalesce(bool_or(blocked_until > $5::timestamptz), false) AS active FROM ip_blocks
            WHERE subject = $2 AND released_at IS NULL AND blocked_at > $5::timestamptz - interval '${MEMORY}')
          INSERT INTO ip_blocks (id, subject, reason, offence, blocked_at, blocked_until, request_id)
          SELECT $1, $2, $3, n + 1, $5::timestamptz,
            $5::timestamptz + ('${BLOCK_MINUTES}'::int[])[least(n + 1, 3)] * interval '1 minute', $4
          FROM earlier WHERE NOT active
          RETURNING id, subject, reason, offence, blocked_at, blocked_until`,
        values: [newId(), subject, reason, requestId, nowIso],
      },
      invalidate(BLOCKS_CHANGED),
    ]);
    const row = results[2]?.rows[0];
    return row ? blockOf(row) : null;
  }

  /** All that is blocked at this moment. */
  async active(nowIso: string): Promise<IpBlock[]> {
    const rows = await this.database.runOne({
      name: 'ip-blocks:active',
      text: asPlatform(`SELECT b.* FROM ip_blocks b WHERE x.platform = 'yes' AND b.released_at IS NULL
        AND b.blocked_until > $1::timestamptz ORDER BY b.blocked_until DESC LIMIT ${MAX_ACTIVE}`),
      values: [nowIso],
    });
    return rows.map(blockOf);
  }

  /** A page of what is blocked, newest first. */
  async page(nowIso: string, limit: number, afterId: string | null): Promise<IpBlock[]> {
    const rows = await this.database.runOne({
      name: 'ip-blocks:page',
      text: asPlatform(`SELECT b.* FROM ip_blocks b WHERE x.platform = 'yes' AND b.released_at IS NULL
        AND b.blocked_until > $1::timestamptz AND b.id < $2::uuid ORDER BY b.id DESC LIMIT $3`),
      values: [nowIso, afterId ?? 'ffffffff-ffff-ffff-ffff-ffffffffffff', limit],
    });
    return rows.map(blockOf);
  }

  /** Ends a block early; a released block is forgiven and does not count as an offence. @returns null for none */
  async release(id: string, by: string, nowIso: string): Promise<IpBlock | null> {
    const results = await this.database.run([
      platformUnit(),
      {
        name: 'ip-blocks:release',
        text: `UPDATE ip_blocks SET released_at = $3::timestamptz, released_by = $2
          WHERE id = $1 AND released_at IS NULL AND blocked_until > $3::timestamptz
          RETURNING id, subject, reason, offence, blocked_at, blocked_until`,
        values: [id, by, nowIso],
      },
      invalidate(BLOCKS_CHANGED),
    ]);
    const row = results[1]?.rows[0];
    return row ? blockOf(row) : null;
  }
}

function platformUnit(): Statement {
  return {
    name: 'enter-platform',
    text: `SELECT set_config('app.platform', 'yes', true), set_config('app.unit_of_work', $1, true)`,
    values: [randomUUID()],
  };
}

function asPlatform(inner: string): string {
  return `SELECT r.* FROM (SELECT set_config('app.platform', 'yes', true) AS platform) x CROSS JOIN LATERAL (${inner}) r`;
}

function blockOf(row: Row): IpBlock {
  return {
    id: row.id as string,
    subject: row.subject as string,
    reason: row.reason as string,
    offence: row.offence as number,
    blockedAt: row.blocked_at as string,
    blockedUntil: row.blocked_until as string,
  };
}

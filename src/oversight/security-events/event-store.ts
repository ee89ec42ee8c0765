import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Database, enter } from '../../platform/database/database.js';
import type { Statement } from '../../platform/database/statement.js';
import { normalizeAddress } from '../../platform/net/cidr.js';
import type { EventRow } from './event-buffer.js';

/** No team has this id: events of nobody's team are written under it, where no team's row can be. */
const NO_TEAM = '00000000-0000-0000-0000-000000000000';

const COLUMNS = `id, created_at, last_at, type, severity, count, aggregated_by, user_id, api_key_id, ip_address, user_agent,
  request_id, details`;
const RECORD = `id uuid, created_at timestamptz, last_at timestamptz, type text, severity text, count bigint, aggregated_by text,
  user_id uuid, api_key_id uuid, ip_address inet, user_agent text, request_id text, details jsonb`;
/** Counts are totals: a batch whose outcome was unknown may be written again. */
const RAISE = `DO UPDATE SET count = greatest(old.count, excluded.count), last_at = greatest(old.last_at, excluded.last_at)`;

/** Writes security events in transactions of their own, so that nothing a request does can take them back. */
@Injectable()
export class EventStore {
  constructor(private readonly database: Database) {}

  /** Writes these rows, or raises the count of those that are there. One transaction. */
  async write(rows: readonly EventRow[]): Promise<void> {
    const byTeam = new Map<string | null, EventRow[]>();
    for (const row of rows) {
      const ofTeam = byTeam.get(row.teamId);
      if (ofTeam) ofTeam.push(row);
      else byTeam.set(row.teamId, [row]);
    }
    const unitId = randomUUID();
    const statements: Statement[] = [];
    for (const [teamId, ofTeam] of byTeam) {
      statements.push(enter({ teamId: teamId ?? NO_TEAM, userId: null }, unitId));
      statements.push(teamId === null ? insertForNobody(ofTeam) : insertForTeam(teamId, ofTeam));
    }
    await this.database.run(statements);
  }

  /**
   * Forgets what is older than `keepDays` (at least 30), at most `most` rows of each table.
   * @returns how many rows went
   */
  async expire(keepDays: number, most: number): Promise<number> {
    const text = 'SELECT latchkey.expire_security_events($1, $2) AS gone';
    const [row] = await this.database.runOne({ name: 'events:expire', text, values: [keepDays, most] });
    return Number(row?.gone ?? 0);
  }
}

function insertForTeam(teamId: string, rows: readonly EventRow[]): Statement {
  return {
    name: 'events:insert',
    text: `INSERT INTO security_events AS old (team_id, ${COLUMNS})
      SELECT $1::uuid, ${COLUMNS} FROM jsonb_to_recordset($2::jsonb) AS new (${RECORD})
      ON CONFLICT (team_id, id) ${RAISE}`,
    values: [teamId, json(rows)],
  };
}

function insertForNobody(rows: readonly EventRow[]): Statement {
  return {
    name: 'events:insert-platform',
    // ON CONFLICT reads the row it meets, and only statements that say so may read this table.
    text: `WITH reader AS (SELECT set_config('app.platform', 'yes', true))
      INSERT INTO platform_security_events AS old (${COLUMNS})
      SELECT ${COLUMNS} FROM reader, jsonb_to_recordset($1::jsonb) AS new (${RECORD})
      ON CONFLICT (id) ${RAISE}`,
    values: [json(rows)],
  };
}

function json(rows: readonly EventRow[]): string {
  return JSON.stringify(
    rows.map((row) => ({
      id: row.id,
      created_at: new Date(row.createdAtMs).toISOString(),
      last_at: new Date(row.lastAtMs).toISOString(),
      type: row.type,
      severity: row.severity,
      count: row.count,
      aggregated_by: row.aggregatedBy,
      user_id: row.userId,
      api_key_id: row.apiKeyId,
      // A socket that is no IP socket has a path here; the column takes addresses only.
      ip_address: row.ipAddress === null ? null : normalizeAddress(row.ipAddress),
      user_agent: row.userAgent,
      request_id: row.requestId,
      details: row.details,
    })),
  );
}

import { createHash, randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Role } from '../../platform/context/principal.js';
import { become, Database, enter } from '../../platform/database/database.js';
import { isContention } from '../../platform/database/database-errors.js';
import { invalidate } from '../../platform/database/invalidations.js';
import type { Row, Statement } from '../../platform/database/statement.js';
import { CSRF_POOL_SIZE } from './csrf-tokens.js';
import { type RefreshToken, sealSuccessor } from './refresh-token.js';

/** A session ends this long after its last refresh, */
export const IDLE_DAYS = 7;
/** and this long after it began, whatever happens. */
export const ABSOLUTE_DAYS = 30;
/** Seconds for which a refresh token is good once it is handed out; near the absolute end that is sooner. */
const COOKIE_SECONDS = `least(${IDLE_DAYS * 86_400}, floor(extract(epoch FROM s.expires_at - now())))::int AS cookie_seconds`;
/** A parent token presented again within this time by the same device is a racing tab. */
export const RACE_SECONDS = 10;

export interface Device {
  readonly ipAddress: string;
  readonly userAgent: string | null;
}

export interface NewSession {
  readonly teamId: string;
  readonly userId: string;
  readonly token: RefreshToken;
  readonly csrfHash: Buffer;
  readonly device: Device;
  /** When the person last proved who they are, ISO 8601; null for now. */
  readonly authenticatedAt: string | null;
}

export interface SessionKey {
  readonly teamId: string;
  readonly sessionId: string;
}

/** A session as the refusal logic needs it. */
export interface SessionState {
  readonly userId: string;
  readonly role: Role | null;
  readonly disabled: boolean;
  readonly tokenHash: Buffer;
  readonly parentHash: Buffer | null;
  readonly successorSealed: Buffer | null;
  readonly rotationCsrfHash: Buffer | null;
  readonly csrfOpen: boolean;
  readonly withinRace: boolean;
  readonly sameDevice: boolean;
  readonly revokedReason: string | null;
  readonly expired: boolean;
  /** How long its cookie may live. */
  readonly cookieSeconds: number;
}

/** Sessions and their refresh tokens. Claims are conditional updates by the database's clock. */
@Injectable()
export class SessionStore {
  constructor(private readonly database: Database) {}

  insert(session: NewSession): Statement {
    return {
      name: 'session:insert',
      text: `INSERT INTO sessions (team_id, id, user_id, token_hash, device_hash, ip_address, user_agent, csrf_hashes, idle_expires_at, expires_at, authenticated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, ARRAY[$8::bytea], now() + interval '${IDLE_DAYS} days', now() + interval '${ABSOLUTE_DAYS} days',
          coalesce($9::timestamptz, now()))`,
      values: [
        session.teamId,
        session.token.sessionId,
        session.userId,
        session.token.hash,
        deviceHash(session.device),
        session.device.ipAddress,
        session.device.userAgent,
        session.csrfHash,
        session.authenticatedAt,
      ],
    };
  }

  /** Swaps the presented token for its successor, if it is current and the CSRF token is open; null otherwise. */
  async rotate(
    presented: RefreshToken,
    successor: RefreshToken,
    csrf: { used: Buffer; next: Buffer },
    device: Device,
  ): Promise<{ userId: string; role: Role; cookieSeconds: number } | null> {
    const scope = { teamId: presented.teamId, userId: null };
    const results = await this.database.run([
      enter(scope, randomUUID()),
      {
        name: 'session:rotate',
        text: `UPDATE sessions s SET parent_hash = s.token_hash, token_hash = $4, successor_sealed = $5, generation = s.generation + 1,
            rotated_at = now(), last_used_at = now(), rotation_csrf_hash = $6,
            device_hash = $8, ip_address = $9, user_agent = $10,
            idle_expires_at = now() + interval '${IDLE_DAYS} days',
            csrf_hashes = array_append(array_remove(s.csrf_hashes, $6), $7)
          FROM memberships m, users u
          WHERE s.team_id = $1 AND s.id = $2 AND s.token_hash = $3 AND $6 = ANY (s.csrf_hashes)
            AND s.revoked_at IS NULL AND s.expires_at > now() AND s.idle_expires_at > now()
            AND m.team_id = s.team_id AND m.user_id = s.user_id AND u.id = s.user_id AND u.disabled_at IS NULL
          RETURNING s.user_id, m.role, ${COOKIE_SECONDS}`,
        values: [
          presented.teamId,
          presented.sessionId,
          presented.hash,
          successor.hash,
          sealSuccessor(presented, successor),
          csrf.used,
          csrf.next,
          deviceHash(device),
          device.ipAddress,
          device.userAgent,
        ],
      },
    ]);
    const row = results[1].rows[0];
    if (!row) return null;
    return {
      userId: row.user_id as string,
      role: row.role as Role,
      cookieSeconds: row.cookie_seconds as number,
    };
  }

  /** What is known of the presented token's session, or null when there is none. */
  async inspect(
    presented: RefreshToken,
    csrfHash: Buffer | null,
    device: Device,
  ): Promise<SessionState | null> {
    const [result] = await this.database.runIn({ teamId: presented.teamId, userId: null }, [
      {
        name: 'session:inspect',
        text: `SELECT s.*, $3 = ANY (s.csrf_hashes) AS csrf_open, s.device_hash = $4 AS same_device,
            s.rotated_at > now() - interval '${RACE_SECONDS} seconds' AS within_race,
            s.expires_at <= now() OR s.idle_expires_at <= now() AS expired, m.role, u.disabled_at, ${COOKIE_SECONDS}
          FROM sessions s LEFT JOIN memberships m ON m.team_id = s.team_id AND m.user_id = s.user_id
          LEFT JOIN users u ON u.id = s.user_id
          WHERE s.team_id = $1 AND s.id = $2`,
        values: [presented.teamId, presented.sessionId, csrfHash, deviceHash(device)],
      },
    ]);
    const row = result?.rows[0];
    return row ? stateOf(row) : null;
  }

  /** Opens a new CSRF token; `used` is spent in the same statement. False when the session has ended. */
  async openCsrf(token: RefreshToken, next: Buffer, used: Buffer | null): Promise<boolean> {
    const results = await this.database.run([
      enter({ teamId: token.teamId, userId: null }, randomUUID()),
      {
        name: 'session:open-csrf',
        text: `UPDATE sessions SET csrf_hashes = array_append(kept[greatest(1, cardinality(kept) - ${CSRF_POOL_SIZE - 2}):], $3)
          FROM (SELECT array_remove(csrf_hashes, $4) AS kept FROM sessions WHERE team_id = $1 AND id = $2 FOR UPDATE) c
          WHERE team_id = $1 AND id = $2 AND revoked_at IS NULL AND expires_at > now() AND idle_expires_at > now()`,
        values: [token.teamId, token.sessionId, next, used],
      },
    ]);
    return results[1].rowCount > 0;
  }

  /**
   * Ends the session of a copied token at once, on every instance; `alongside` commits with it.
   * False when somebody else ended it first.
   */
  async endReused({ teamId, sessionId }: SessionKey, alongside: readonly Statement[]): Promise<boolean> {
    try {
      await this.database.run([
        enter({ teamId, userId: null }, randomUUID()),
        {
          name: 'session:end-reused',
          text: `WITH ended AS (UPDATE sessions SET revoked_at = now(), revoked_reason = 'token_reused'
              WHERE team_id = $1 AND id = $2 AND revoked_at IS NULL RETURNING 1)
            SELECT latchkey.expect_written(count(*)) FROM ended`,
          values: [teamId, sessionId],
        },
        ...alongside,
      ]);
      return true;
    } catch (error) {
      if (isContention(error)) return false;
      throw error;
    }
  }

  /** The statement that ends a session, for a unit of work; the table tells the instances. Somebody faster restarts the unit. */
  revocation({ teamId, sessionId }: SessionKey, reason: string): Statement {
    const text = `WITH ended AS (UPDATE sessions SET revoked_at = now(), revoked_reason = $3
        WHERE team_id = $1 AND id = $2 AND revoked_at IS NULL RETURNING 1)
      SELECT latchkey.expect_written(count(*)) FROM ended`;
    return { name: 'session:revoke', text, values: [teamId, sessionId, reason] };
  }

  /**
   * Statements that end a unit of work of this person in `teamId` when the session, of whatever team, is over. The person's
   * row stays locked to the commit, so that a reset either stops the unit or meets what it opened and ends it.
   */
  expectLive(
    { teamId: home, sessionId }: SessionKey,
    { teamId, userId }: { teamId: string; userId: string },
  ): Statement[] {
    const lock = `SELECT FROM users WHERE id = $1 FOR SHARE`;
    const expect = `SELECT latchkey.expect_written((SELECT count(*) FROM sessions s JOIN users u ON u.id = s.user_id
      WHERE s.team_id = $1 AND s.id = $2 AND s.user_id = $3 AND s.revoked_at IS NULL AND s.expires_at > now() AND u.disabled_at IS NULL))`;
    return [
      { name: 'session:lock-person', text: lock, values: [userId] },
      become(home),
      { name: 'session:expect-live', text: expect, values: [home, sessionId, userId] },
      become(teamId),
    ];
  }

  /** Ends all sessions of a person in every team but the kept one, in a unit of work of that person. */
  revocationOfAll(userId: string, keptSessionId: string | null, reason: string): Statement {
    const text = 'SELECT latchkey.end_sessions($1, $2, $3)';
    return { name: 'session:end-all', text, values: [userId, keptSessionId, reason] };
  }

  /** The statements that make a session fresh again, for a unit of work. */
  freshening({ teamId, sessionId }: { teamId: string; sessionId: string }, atIso: string): Statement[] {
    const text = `UPDATE sessions SET stepped_up_at = $3 WHERE team_id = $1 AND id = $2`;
    return [
      { name: 'session:step-up', text, values: [teamId, sessionId, atIso] },
      invalidate(`session:${sessionId}`),
    ];
  }
}

function deviceHash(device: Device): Buffer {
  return createHash('sha256')
    .update(`device|${device.userAgent ?? ''}`)
    .digest();
}

function stateOf(row: Row): SessionState {
  return {
    userId: row.user_id as string,
    role: row.role as Role | null,
    disabled: row.disabled_at !== null,
    tokenHash: row.token_hash as Buffer,
    parentHash: row.parent_hash as Buffer | null,
    successorSealed: row.successor_sealed as Buffer | null,
    rotationCsrfHash: row.rotation_csrf_hash as Buffer | null,
    csrfOpen: row.csrf_open === true,
    withinRace: row.within_race === true,
    sameDevice: row.same_device === true,
    revokedReason: row.revoked_reason as string | null,
    expired: row.expired === true,
    cookieSeconds: row.cookie_seconds as number,
  };
}

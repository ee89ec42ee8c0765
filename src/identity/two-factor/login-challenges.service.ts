import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { parse as uuidBytes, stringify as uuidText } from 'uuid';
import { newId } from '../../platform/crypto/new-id.js';
import { Database, enter } from '../../platform/database/database.js';
import type { Statement } from '../../platform/database/statement.js';
import type { Person } from './two-factor-store.js';

/** Codes that may be tried on one challenge. */
const MAX_TRIES = 5;
const LIFE_MINUTES = 5;
const SECRET_BYTES = 24;
const UUID_BYTES = 16;
const TOKEN_BYTES = 3 * UUID_BYTES + SECRET_BYTES;

/** A challenge that took one more try. */
export interface OpenChallenge extends Person {
  /** Ends the challenge, in the unit of work of the sign-in: it opens one session, unless the password changed meanwhile. */
  readonly close: Statement;
}

/**
 * What stands between a right password and a session: `user | team | challenge | 192 random bits`, stored hashed.
 * Tries are counted here, by the database, besides the failures that are counted by person.
 */
@Injectable()
export class LoginChallenges {
  constructor(private readonly database: Database) {}

  /** The token of a new challenge. Expired ones of the person go at the same time. */
  async open({ teamId, userId }: Person): Promise<string> {
    const id = newId();
    const token = Buffer.concat([
      uuidBytes(userId),
      uuidBytes(teamId),
      uuidBytes(id),
      randomBytes(SECRET_BYTES),
    ]).toString('base64url');
    await this.database.run([
      enter({ teamId, userId }, randomUUID()),
      {
        name: 'challenge:purge',
        text: 'DELETE FROM login_challenges WHERE user_id = $1 AND expires_at <= now()',
        values: [userId],
      },
      {
        name: 'challenge:insert',
        text: `INSERT INTO login_challenges (user_id, team_id, id, token_hash, expires_at)
          VALUES ($1, $2, $3, $4, now() + interval '${LIFE_MINUTES} minutes')`,
        values: [userId, teamId, id, hashOf(token)],
      },
    ]);
    return token;
  }

  /**
   * Takes one of the challenge's tries. Null for a token that is forged, used, expired or tried too often, and for
   * one from before the password changed.
   */
  async take(token: string): Promise<OpenChallenge | null> {
    const parsed = parse(token);
    if (!parsed) return null;
    const { teamId, userId, id } = parsed;
    const [, taken] = await this.database.run([
      enter({ teamId, userId }, randomUUID()),
      {
        name: 'challenge:take',
        text: `UPDATE login_challenges c SET tries = c.tries + 1 FROM users u
          WHERE c.user_id = $1 AND c.id = $2 AND c.team_id = $3 AND c.token_hash = $4
            AND c.tries < ${MAX_TRIES} AND c.expires_at > now()
            AND u.id = c.user_id AND u.disabled_at IS NULL AND u.password_changed_at <= c.created_at`,
        values: [userId, id, teamId, hashOf(token)],
      },
    ]);
    return taken.rowCount > 0 ? { teamId, userId, close: closing(userId, id) } : null;
  }
}

function closing(userId: string, id: string): Statement {
  return {
    name: 'challenge:close',
    text: `WITH u AS (SELECT id, password_changed_at FROM users WHERE id = $1 AND disabled_at IS NULL FOR SHARE),
        w AS (DELETE FROM login_challenges c USING u
          WHERE c.user_id = u.id AND c.id = $2 AND u.password_changed_at <= c.created_at RETURNING 1)
      SELECT latchkey.expect_written((SELECT count(*) FROM w))`,
    values: [userId, id],
  };
}

function parse(token: string): (Person & { id: string }) | null {
  const raw = Buffer.from(token, 'base64url');
  if (raw.length !== TOKEN_BYTES || raw.toString('base64url') !== token) return null;
  try {
    return {
      userId: uuidText(raw, 0),
      teamId: uuidText(raw, UUID_BYTES),
      id: uuidText(raw, 2 * UUID_BYTES),
    };
  } catch {
    return null;
  }
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

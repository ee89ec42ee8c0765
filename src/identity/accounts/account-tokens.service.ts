import { createHash, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock/clock.js';
import { Database } from '../../platform/database/database.js';
import type { Statement } from '../../platform/database/statement.js';
import { invalidField } from '../../platform/http/api-error.js';

const TOKEN_BYTES = 32;
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

export type TokenPurpose = 'password_reset' | 'email_verification';

/** How long each kind is good for. */
const LIFE_MINUTES: Readonly<Record<TokenPurpose, number>> = {
  password_reset: 30,
  email_verification: 3 * 24 * 60,
};

export interface TokenOwner {
  readonly teamId: string;
  readonly userId: string;
  /** The address it is mailed to; the token says nothing about another one. */
  readonly emailKey: string;
}

export interface AccountToken extends TokenOwner {
  readonly hash: Buffer;
  /** When it was made, milliseconds. */
  readonly issuedAtMs: number;
}

/** Mailed tokens of 256 random bits, stored as SHA-256: a copy of the table opens nothing. */
@Injectable()
export class AccountTokens {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** A new token and the statement that stores it; tokens of the same kind that are spent go with it. */
  issue(purpose: TokenPurpose, owner: TokenOwner): { text: string; statement: Statement } {
    const text = randomBytes(TOKEN_BYTES).toString('base64url');
    const nowMs = this.clock.nowMs();
    const expiresAt = new Date(nowMs + LIFE_MINUTES[purpose] * 60_000).toISOString();
    const statement = {
      name: 'account-token:insert',
      text: `WITH spent AS (DELETE FROM account_tokens WHERE team_id = $1 AND user_id = $3 AND purpose = $4
          AND created_at < now() - interval '1 day' AND (used_at IS NOT NULL OR expires_at < $7))
        INSERT INTO account_tokens (team_id, token_hash, user_id, purpose, email_key, expires_at) VALUES ($1, $2, $3, $4, $5, $6)`,
      values: [
        owner.teamId,
        hashOf(text),
        owner.userId,
        purpose,
        owner.emailKey,
        expiresAt,
        new Date(nowMs).toISOString(),
      ],
    };
    return { text, statement };
  }

  /** How many of this kind were made for a person within the last hour. */
  async countRecent(purpose: TokenPurpose, { teamId, userId }: TokenOwner): Promise<number> {
    const [result] = await this.database.runIn({ teamId, userId }, [
      {
        name: 'account-token:count',
        text: `SELECT count(*) AS made FROM account_tokens WHERE team_id = $1 AND user_id = $2 AND purpose = $3
          AND created_at > now() - interval '1 hour'`,
        values: [teamId, userId, purpose],
      },
    ]);
    return (result?.rows[0]?.made as number | undefined) ?? 0;
  }

  /** The token if it is of this kind, unused and not expired; else null, whatever the reason. */
  async find(purpose: TokenPurpose, text: string): Promise<AccountToken | null> {
    const hash = hashOf(text);
    // A malformed one takes the same way: the answer's time says nothing.
    const [row] = await this.database.runOne({
      name: 'account-token:find',
      text: 'SELECT * FROM latchkey.find_account_token($1, $2)',
      values: [hash, purpose],
    });
    const good = row && TOKEN.test(text) && row.used_at === null;
    const expiresAtMs = good ? Date.parse(row.expires_at as string) : 0;
    if (!good || expiresAtMs <= this.clock.nowMs()) return null;
    return {
      hash,
      issuedAtMs: expiresAtMs - LIFE_MINUTES[purpose] * 60_000,
      teamId: row.team_id as string,
      userId: row.user_id as string,
      emailKey: row.email_key as string,
    };
  }

  /**
   * Spends a token, and all others of its kind and person. Ends the unit of work when somebody else was faster:
   * of parallel uses one commits.
   */
  spend(purpose: TokenPurpose, { teamId, userId, hash }: AccountToken): Statement {
    return {
      name: 'account-token:spend',
      text: `WITH spent AS (UPDATE account_tokens SET used_at = now()
          WHERE team_id = $1 AND user_id = $2 AND purpose = $3 AND used_at IS NULL RETURNING token_hash)
        SELECT latchkey.expect_written((SELECT count(*) FROM spent WHERE token_hash = $4))`,
      values: [teamId, userId, purpose, hash],
    };
  }
}

/** One answer for tokens that never were, were used, or have expired. */
export function tokenRefused(): Error {
  return invalidField('token', 'is not valid, was used already, or has expired');
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

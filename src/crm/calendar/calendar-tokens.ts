import { createHash, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { newId } from '../../platform/crypto/new-id.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import type { Role } from '../../platform/context/principal.js';
import type { ChangeAction, RecordedChange } from '../../platform/database/change-recorder.js';
import { Database } from '../../platform/database/database.js';

const TOKEN_BYTES = 32;

/** Whose calendar a token opens. */
export interface CalendarOwner {
  readonly teamId: string;
  readonly userId: string;
  readonly role: Role;
  readonly defaultRegion: string;
}

/** The links of personal calendars. A token is 256 random bits, so its plain hash tells nothing. */
@Injectable()
export class CalendarTokens {
  constructor(private readonly database: Database) {}

  /** Stages a new token for the caller; the one before is dead. */
  issue(context: RequestContext, createdAt: string): string {
    const { teamId, userId } = context.principal;
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    context.work.stage({
      statement: {
        name: 'calendar-token:issue',
        text: `WITH w AS (INSERT INTO calendar_tokens (team_id, user_id, token_hash, created_at, password_changed_at)
            SELECT $1, u.id, $3, $4, u.password_changed_at FROM users u WHERE u.id = $2
            ON CONFLICT (team_id, user_id) DO UPDATE SET token_hash = excluded.token_hash, created_at = excluded.created_at,
              password_changed_at = excluded.password_changed_at RETURNING 1)
          SELECT latchkey.expect_written((SELECT count(*) FROM w))`,
        values: [teamId, userId, hashOf(token), createdAt],
      },
      change: changeOf('CREATE', userId, { createdAt }),
    });
    return token;
  }

  /** Stages the end of the caller's token. */
  revoke(context: RequestContext): void {
    const { teamId, userId } = context.principal;
    context.work.stage({
      statement: {
        name: 'calendar-token:revoke',
        text: `WITH w AS (DELETE FROM calendar_tokens WHERE team_id = $1 AND user_id = $2 RETURNING 1)
          SELECT latchkey.expect_written((SELECT count(*) FROM w))`,
        values: [teamId, userId],
      },
      change: changeOf('DELETE', userId, null),
    });
  }

  /** Whether the caller has a token. */
  async exists(context: RequestContext): Promise<boolean> {
    const { teamId, userId } = context.principal;
    const [result] = await this.database.runIn({ teamId, userId }, [
      {
        name: 'calendar-token:exists',
        text: 'SELECT 1 AS found FROM calendar_tokens WHERE team_id = $1 AND user_id = $2',
        values: [teamId, userId],
      },
    ]);
    return result.rows.length > 0;
  }

  /**
   * Whose token it is; null for a wrong or revoked one, one from before the person's password changed, a member who
   * left, and a disabled person.
   */
  async find(token: string): Promise<CalendarOwner | null> {
    const [row] = await this.database.runOne({
      name: 'calendar-token:find',
      text: 'SELECT * FROM latchkey.find_calendar($1)',
      values: [hashOf(token)],
    });
    if (!row) return null;
    return {
      teamId: row.team_id as string,
      userId: row.user_id as string,
      role: row.role as Role,
      defaultRegion: row.default_region as string,
    };
  }
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function changeOf(
  action: ChangeAction,
  userId: string,
  newValues: Record<string, unknown> | null,
): RecordedChange {
  const resourceType = 'calendar_token';
  return { id: newId(), action, resourceType, resourceId: userId, oldValues: null, newValues, sealed: null };
}

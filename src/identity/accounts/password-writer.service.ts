import { Injectable } from '@nestjs/common';
import { newId } from '../../platform/crypto/new-id.js';
import { SecurityEvents } from '../../oversight/security-events/security-events.service.js';
import { Clock } from '../../platform/clock/clock.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import type { Statement } from '../../platform/database/statement.js';
import { Mailer } from '../../platform/mail/mailer.service.js';
import { PasswordHasher } from '../passwords/password-hasher.js';
import { KnownDevices } from '../sessions/known-devices.service.js';
import { SessionService } from '../sessions/session.service.js';
import type { Member } from '../users/user-directory.js';
import { passwordChangedMail } from './mails/account-mails.js';

interface NewPassword {
  readonly member: Member;
  readonly password: string;
  readonly event: 'password_changed' | 'password_reset';
  /** The hash that was checked, which must still be the stored one; null when a token vouches. */
  readonly checkedHash: string | null;
  /** The session that stays, or null for none. */
  readonly keepSession: string | null;
}

/** Stages a new password with everything that must happen along with it. */
@Injectable()
export class PasswordWriter {
  constructor(
    private readonly hasher: PasswordHasher,
    private readonly sessions: SessionService,
    private readonly devices: KnownDevices,
    private readonly mailer: Mailer,
    private readonly events: SecurityEvents,
    private readonly clock: Clock,
  ) {}

  /** @returns when the password changed, ISO 8601 */
  async stage(context: RequestContext, input: NewPassword): Promise<string> {
    const { member, event, keepSession } = input;
    const { id: userId } = member.user;
    const hash = await this.hasher.hash(input.password);
    const at = this.clock.nowIso();
    context.work.stage({
      statement: setPassword(userId, hash, at, input.checkedHash),
      change: {
        id: newId(),
        action: 'UPDATE',
        resourceType: 'user',
        resourceId: userId,
        oldValues: { passwordChangedAt: member.user.passwordChangedAt },
        newValues: { passwordChangedAt: at },
        sealed: null,
      },
    });
    this.sessions.closeAll(context, { userId, keptSessionId: keepSession, reason: event });
    const others =
      keepSession === null ? 'You were signed out everywhere.' : 'Your other sessions were ended.';
    const content = passwordChangedMail(member.user.name, { at, ipAddress: context.ipAddress, others });
    const notice = this.mailer.send({ to: member.user.email, content });
    context.work.stage({ statement: notice, change: null });
    if (event === 'password_reset') {
      // Whoever had the old password may have signed in on a browser of theirs.
      context.work.stage({ statement: this.devices.forgetAll(userId), change: null });
    }
    context.work.afterCommit(() => this.record(context, member, event));
    return at;
  }

  private record(context: RequestContext, member: Member, type: NewPassword['event']): void {
    this.events.record({
      type,
      teamId: member.team.id,
      userId: member.user.id,
      ipAddress: context.ipAddress,
      userAgent: context.userAgent,
      requestId: context.requestId,
    });
  }
}

function setPassword(userId: string, hash: string, at: string, checkedHash: string | null): Statement {
  return {
    name: 'user:set-password',
    text: `WITH w AS (UPDATE users SET password_hash = $2, password_changed_at = $3, updated_at = $3, version = version + 1
        WHERE id = $1 AND ($4::text IS NULL OR password_hash = $4) RETURNING 1)
      SELECT latchkey.expect_written((SELECT count(*) FROM w))`,
    values: [userId, hash, at, checkedHash],
  };
}

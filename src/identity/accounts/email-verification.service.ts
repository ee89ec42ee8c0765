import { Injectable } from '@nestjs/common';
import { newId } from '../../platform/crypto/new-id.js';
import { Clock } from '../../platform/clock/clock.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import { Mailer } from '../../platform/mail/mailer.service.js';
import { PublicAddress } from '../../platform/mail/public-address.js';
import { AttemptCounters } from '../attempts/attempt-counters.service.js';
import { addressClaim } from '../attempts/login-lockout.service.js';
import { emailKey } from '../users/email-address.js';
import { UserDirectory } from '../users/user-directory.js';
import { AccountTokens, type TokenOwner, tokenRefused } from './account-tokens.service.js';
import { emailVerificationMail } from './mails/account-mails.js';

/** Finding out that an address belongs to the person who gave it. */
@Injectable()
export class EmailVerificationService {
  constructor(
    private readonly tokens: AccountTokens,
    private readonly mailer: Mailer,
    private readonly address: PublicAddress,
    private readonly attempts: AttemptCounters,
    private readonly users: UserDirectory,
    private readonly clock: Clock,
  ) {}

  /** Stages the mail that asks a new person to confirm; after their membership, which the token refers to. */
  stageMail(context: RequestContext, person: TokenOwner & { email: string; name: string }): void {
    const { text, statement } = this.tokens.issue('email_verification', person);
    const content = emailVerificationMail(person.name, this.address.page('/verify-email', text));
    context.work.stage({ statement, change: null });
    context.work.stage({ statement: this.mailer.send({ to: person.email, content }), change: null });
  }

  /**
   * Marks the address as confirmed.
   * @returns when, ISO 8601
   * @throws ApiError 400 for a bad token (counted against the address), 429 `AUTH_RATE_LIMIT`
   */
  async verify(context: RequestContext, text: string): Promise<string> {
    const token = await this.attempts.attempt([addressClaim(context)], () =>
      this.tokens.find('email_verification', text),
    );
    const member = token && (await this.users.findMember(token.teamId, token.userId));
    if (!member || emailKey(member.user.email) !== token.emailKey) throw tokenRefused();
    const { teamId, userId } = token;
    const at = this.clock.nowIso();
    context.work.actIn({ teamId, userId });
    context.work.stage({ statement: this.tokens.spend('email_verification', token), change: null });
    context.work.stage({
      statement: {
        name: 'user:verify-email',
        text: `WITH w AS (UPDATE users SET email_verified_at = $3, updated_at = $3, version = version + 1
            WHERE id = $1 AND email_key = $2 RETURNING 1)
          SELECT latchkey.expect_written((SELECT count(*) FROM w))`,
        values: [userId, token.emailKey, at],
      },
      change: {
        id: newId(),
        action: 'UPDATE',
        resourceType: 'user',
        resourceId: userId,
        oldValues: { emailVerifiedAt: member.user.emailVerifiedAt },
        newValues: { emailVerifiedAt: at },
        sealed: null,
      },
    });
    return at;
  }
}

import { Injectable } from '@nestjs/common';
import type { RequestContext } from '../../platform/context/request-context.js';
import { ApiError, invalidField } from '../../platform/http/api-error.js';
import { AttemptCounters, type AttemptRule } from '../attempts/attempt-counters.service.js';
import { PasswordHasher } from '../passwords/password-hasher.js';
import { UserDirectory } from '../users/user-directory.js';
import type { ChangePasswordDto } from './dto/password.dtos.js';
import { assertAcceptablePassword } from '../passwords/password-policy.js';
import { PasswordWriter } from './password-writer.service.js';

/** Guesses at the present password from within a session: whoever stole one must not find it out. */
const CURRENT_PASSWORD_RULE: AttemptRule = {
  bucket: 'current-password',
  limit: 5,
  seconds: 1800,
  sliding: false,
  refusal: 'ACCOUNT_LOCKED',
  onSuccess: 'reset',
};

/** Changing one's own password. */
@Injectable()
export class PasswordChangeService {
  constructor(
    private readonly users: UserDirectory,
    private readonly hasher: PasswordHasher,
    private readonly attempts: AttemptCounters,
    private readonly writer: PasswordWriter,
  ) {}

  /**
   * Sets a new password and ends the other sessions.
   * @returns when the password changed, ISO 8601
   * @throws ApiError 401 `INVALID_CREDENTIALS`, 423 `ACCOUNT_LOCKED`, 400 for a password that breaks the policy
   */
  async change(context: RequestContext, input: ChangePasswordDto): Promise<string> {
    const { teamId, userId, sessionId } = context.principal;
    const checkedHash = await this.checkCurrent(context, input.currentPassword);
    const member = await this.users.findMember(teamId, userId);
    if (!member) throw new ApiError('UNAUTHENTICATED', 'The session has ended; sign in again.');
    assertAcceptablePassword(input.newPassword, { email: member.user.email, teamNames: [member.team.name] });
    if (input.newPassword === input.currentPassword) {
      throw invalidField('newPassword', 'is the password you have');
    }
    return this.writer.stage(context, {
      member,
      password: input.newPassword,
      event: 'password_changed',
      checkedHash,
      keepSession: sessionId,
    });
  }

  private async checkCurrent(context: RequestContext, password: string): Promise<string> {
    const { teamId, userId } = context.principal;
    const hash = await this.users.findPasswordHash(teamId, userId);
    const claim = { rule: CURRENT_PASSWORD_RULE, subject: userId };
    const checked = await this.attempts.attempt([claim], async () =>
      hash !== null && (await this.hasher.verify(hash, password)) ? hash : null,
    );
    if (checked === null) throw new ApiError('INVALID_CREDENTIALS', 'The current password is wrong.');
    return checked;
  }
}

import { createHmac, randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { SecurityEvents } from '../../oversight/security-events/security-events.service.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import { MasterKeys } from '../../platform/crypto/master-keys.js';
import { Database, enter } from '../../platform/database/database.js';
import { Jobs } from '../../platform/jobs/jobs.service.js';
import { Mailer } from '../../platform/mail/mailer.service.js';
import { PublicAddress } from '../../platform/mail/public-address.js';
import { AttemptCounters } from '../attempts/attempt-counters.service.js';
import { addressClaim } from '../attempts/login-lockout.service.js';
import { emailKey } from '../users/email-address.js';
import { UserDirectory } from '../users/user-directory.js';
import { AccountTokens, tokenRefused } from './account-tokens.service.js';
import type { ResetPasswordDto } from './dto/password.dtos.js';
import { passwordResetMail } from './mails/account-mails.js';
import { assertAcceptablePassword } from '../passwords/password-policy.js';
import { PasswordWriter } from './password-writer.service.js';

const JOB = 'password-reset-request';
/** More mails than this an hour would only annoy the person. */
const MAX_TOKENS_PER_HOUR = 5;

/** What the job needs of the request that asked. */
interface ResetRequest {
  readonly email: string;
  readonly ipAddress: string;
  readonly userAgent: string | null;
  readonly requestId: string;
}

/** A new password for somebody who forgot theirs. */
@Injectable()
export class PasswordResetService {
  private readonly key: Buffer;

  constructor(
    private readonly database: Database,
    private readonly jobs: Jobs,
    private readonly users: UserDirectory,
    private readonly tokens: AccountTokens,
    private readonly mailer: Mailer,
    private readonly address: PublicAddress,
    private readonly attempts: AttemptCounters,
    private readonly writer: PasswordWriter,
    private readonly events: SecurityEvents,
    keys: MasterKeys,
  ) {
    this.key = keys.teamKey(keys.currentId, 'installation', 'reset-requests');
    jobs.handle<ResetRequest>(JOB, ({ data }) => this.mailToken(data));
  }

  /**
   * Takes the wish down and nothing more: who has an account is found out by the job, so the answer and its time
   * are the same for every address.
   */
  async request(context: RequestContext, email: string): Promise<void> {
    const { ipAddress, userAgent, requestId } = context;
    const data: ResetRequest = { email, ipAddress, userAgent, requestId };
    const singletonKey = createHmac('sha256', this.key).update(emailKey(email)).digest('base64url');
    await this.database.run([this.jobs.enqueue({ name: JOB, data, singletonKey })]);
    context.work.noChange('a mail changes nothing; its use does');
  }

  private async mailToken({ email, ...from }: ResetRequest): Promise<void> {
    const key = emailKey(email);
    const account = await this.users.findLogin(key);
    if (!account || account.disabled || account.teamId === null) return;
    const { teamId, userId } = account;
    const owner = { teamId, userId, emailKey: key };
    const member = await this.users.findMember(teamId, userId);
    if (!member || (await this.tokens.countRecent('password_reset', owner)) >= MAX_TOKENS_PER_HOUR) return;
    const { text, statement } = this.tokens.issue('password_reset', owner);
    const url = this.address.page('/reset-password', text);
    const content = passwordResetMail(member.user.name, url, from.ipAddress);
    const mail = this.mailer.send({ to: member.user.email, content });
    await this.database.run([enter({ teamId, userId }, randomUUID()), statement, mail]);
    this.events.record({ type: 'password_reset_requested', teamId, userId, ...from });
  }

  /**
   * Sets the password a mailed token stands for, and ends every session. It signs nobody in: a second factor is
   * asked for at the next sign-in as ever.
   * @returns when the password changed, ISO 8601
   * @throws ApiError 400 for a bad token (counted against the address) or password, 429 `AUTH_RATE_LIMIT`
   */
  async reset(context: RequestContext, input: ResetPasswordDto): Promise<string> {
    const token = await this.attempts.attempt([addressClaim(context)], () =>
      this.tokens.find('password_reset', input.token),
    );
    const member = token && (await this.users.findMember(token.teamId, token.userId));
    if (!member || emailKey(member.user.email) !== token.emailKey) throw tokenRefused();
    // A link that somebody asked for earlier must not undo the password that was set since, in whatever team.
    if (token.issuedAtMs < Date.parse(member.user.passwordChangedAt)) throw tokenRefused();
    assertAcceptablePassword(input.newPassword, { email: member.user.email, teamNames: [member.team.name] });
    context.work.actIn({ teamId: token.teamId, userId: token.userId });
    context.work.stage({ statement: this.tokens.spend('password_reset', token), change: null });
    return this.writer.stage(context, {
      member,
      password: input.newPassword,
      event: 'password_reset',
      checkedHash: null,
      keepSession: null,
    });
  }
}

import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { SecurityEvents } from '../../oversight/security-events/security-events.service.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import { ApiError } from '../../platform/http/api-error.js';
import { type SignInTokens, SessionService } from '../sessions/session.service.js';
import { LoginChallenges } from '../two-factor/login-challenges.service.js';
import { SecondFactor } from '../two-factor/second-factor.service.js';
import { type Member, UserDirectory } from '../users/user-directory.js';
import type { TwoFactorLoginDto } from './dto/two-factor-login.dto.js';

/** The second half of signing in. */
@Injectable()
export class TwoFactorLoginService {
  constructor(
    private readonly challenges: LoginChallenges,
    private readonly factors: SecondFactor,
    private readonly users: UserDirectory,
    private readonly sessions: SessionService,
    private readonly events: SecurityEvents,
  ) {}

  /** @throws ApiError 401 `UNAUTHENTICATED` for a challenge that is over, 401 `INVALID_CODE`, 423 and 429 of the lockout */
  async login(
    context: RequestContext,
    { challengeToken, code }: TwoFactorLoginDto,
    request: FastifyRequest,
  ): Promise<{ member: Member; tokens: SignInTokens }> {
    const challenge = await this.challenges.take(challengeToken);
    const member = challenge && (await this.users.findMember(challenge.teamId, challenge.userId));
    if (!member)
      throw new ApiError('UNAUTHENTICATED', 'This sign-in is over; start again with e-mail and password.');
    const [teamId, userId] = [member.team.id, member.user.id];
    context.work.actIn({ teamId, userId });
    await this.factors.prove(context, { teamId, userId }, { code, purpose: 'login', request });
    context.work.stage({ statement: challenge.close, change: null });
    const tokens = this.sessions.open(context, { teamId, userId, role: member.role });
    context.work.afterCommit(() => this.recordSuccess(context, teamId, userId));
    return { member, tokens };
  }

  private recordSuccess(context: RequestContext, teamId: string, userId: string): void {
    this.events.record({
      type: 'login_succeeded',
      teamId,
      userId,
      ipAddress: context.ipAddress,
      userAgent: context.userAgent,
      requestId: context.requestId,
      details: { method: '2fa' },
    });
  }
}

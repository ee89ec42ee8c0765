import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Clock } from '../../platform/clock/clock.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import { ApiError, invalidField } from '../../platform/http/api-error.js';
import { FRESH_MS } from '../principals/fresh-session.service.js';
import { SessionService } from '../sessions/session.service.js';
import type { StepUpDto } from './dto/step-up.dto.js';
import type { StepUpView } from './dto/step-up.view.js';
import { PasswordProof } from './password-proof.service.js';
import { SecondFactor } from './second-factor.service.js';
import { TwoFactorService } from './two-factor.service.js';

/** Proving again, in the middle of a session, that the right person sits there. */
@Injectable()
export class StepUpService {
  constructor(
    private readonly twoFactor: TwoFactorService,
    private readonly factors: SecondFactor,
    private readonly passwords: PasswordProof,
    private readonly sessions: SessionService,
    private readonly clock: Clock,
  ) {}

  /** @throws ApiError 400 without the right kind of proof, 401 `INVALID_CODE` or `INVALID_CREDENTIALS` for a wrong one */
  async stepUp(context: RequestContext, input: StepUpDto, request: FastifyRequest): Promise<StepUpView> {
    const { teamId, userId, sessionId } = context.principal;
    if (sessionId === null) throw new ApiError('FORBIDDEN', 'There is no session to step up.');
    // Read, not taken from the cached principal: a factor that was turned on a moment ago counts already.
    const { enabled } = await this.twoFactor.stateOf({ teamId, userId });
    if (enabled) await this.proveByCode(context, input, request);
    else await this.proveByPassword(context, input, request);
    const atMs = this.clock.nowMs();
    this.sessions.freshen(context, { teamId, sessionId }, new Date(atMs).toISOString());
    return { freshUntil: new Date(atMs + FRESH_MS).toISOString() };
  }

  private async proveByCode(
    context: RequestContext,
    { code, password }: StepUpDto,
    request: FastifyRequest,
  ): Promise<void> {
    if (password !== undefined) throw invalidField('password', 'is not enough here; send a code');
    if (code === undefined) throw invalidField('code', 'is required');
    await this.factors.prove(context, context.principal, { code, purpose: 'step_up', request });
  }

  private async proveByPassword(
    context: RequestContext,
    { code, password }: StepUpDto,
    request: FastifyRequest,
  ): Promise<void> {
    if (code !== undefined) throw invalidField('code', 'there is none; send the password');
    if (password === undefined) throw invalidField('password', 'is required');
    await this.passwords.prove(context, password, request);
  }
}

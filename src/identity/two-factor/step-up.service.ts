import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock/clock.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import { ApiError, invalidField } from '../../platform/http/api-error.js';
import { PasswordHasher } from '../passwords/password-hasher.js';
import { FRESH_MS } from '../principals/step-up.guard.js';
import { SessionService } from '../sessions/session.service.js';
import { UserDirectory } from '../users/user-directory.js';
import type { StepUpDto } from './dto/step-up.dto.js';
import type { StepUpView } from './dto/step-up.view.js';

/** Proving again, in the middle of a session, that the right person sits there. */
@Injectable()
export class StepUpService {
  constructor(
    private readonly users: UserDirectory,
    private readonly passwords: PasswordHasher,
    private readonly sessions: SessionService,
    private readonly clock: Clock,
  ) {}

  /** @throws ApiError 400 without a proof, 401 `INVALID_CREDENTIALS` for a wrong one */
  async stepUp(context: RequestContext, input: StepUpDto): Promise<StepUpView> {
    const { teamId, sessionId } = context.principal;
    if (sessionId === null) throw new ApiError('FORBIDDEN', 'There is no session to step up.');
    if (input.password === undefined) throw invalidField('password', 'is required');
    await this.checkPassword(context, input.password);
    const atMs = this.clock.nowMs();
    this.sessions.freshen(context, { teamId, sessionId }, new Date(atMs).toISOString());
    return { freshUntil: new Date(atMs + FRESH_MS).toISOString() };
  }

  private async checkPassword(context: RequestContext, password: string): Promise<void> {
    const { teamId, userId } = context.principal;
    const hash = await this.users.findPasswordHash(teamId, userId);
    if (hash === null || !(await this.passwords.verify(hash, password))) {
      throw new ApiError('INVALID_CREDENTIALS', 'The password is wrong.');
    }
  }
}

import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { RequestContext } from '../../platform/context/request-context.js';
import { ApiError } from '../../platform/http/api-error.js';
import { BearerSessions } from '../principals/bearer-sessions.js';
import { SessionService } from '../sessions/session.service.js';

/** Signing out, by access token or by refresh cookie. */
@Injectable()
export class LogoutService {
  constructor(
    private readonly bearers: BearerSessions,
    private readonly sessions: SessionService,
  ) {}

  /** @throws ApiError 401 without a session, 403 `CSRF_INVALID` for a cookie without its token */
  async logout(
    context: RequestContext,
    request: FastifyRequest,
    cookie: string | null,
    csrf: string | null,
  ): Promise<void> {
    const bearer = await this.bearers.of(request);
    const session = bearer ?? (cookie === null ? null : await this.sessions.ofCookie(context, cookie, csrf));
    if (!session) throw new ApiError('UNAUTHENTICATED', 'There is no session to end.');
    context.work.actIn({ teamId: session.teamId, userId: session.userId });
    this.sessions.close(context, session, 'logout');
  }
}

import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { RequestContext } from '../../platform/context/request-context.js';
import { ApiError } from '../../platform/http/api-error.js';
import { BearerSessions } from '../principals/bearer-sessions.js';
import { SessionService } from '../sessions/session.service.js';

/** The refresh cookie and the CSRF token that came with it. */
export interface CookieProof {
  readonly token: string | null;
  readonly csrf: string | null;
}

/** Signing out, by access token or by refresh cookie. */
@Injectable()
export class LogoutService {
  constructor(
    private readonly bearers: BearerSessions,
    private readonly sessions: SessionService,
  ) {}

  /** Ends this session. @throws ApiError 401 without a session, 403 `CSRF_INVALID` for a cookie without its token */
  async logout(context: RequestContext, request: FastifyRequest, cookie: CookieProof): Promise<void> {
    this.sessions.close(context, await this.sessionOf(context, request, cookie), 'logout');
  }

  /** Ends all sessions of the person, in every team and this one included. @throws the same */
  async logoutAll(context: RequestContext, request: FastifyRequest, cookie: CookieProof): Promise<void> {
    this.sessions.closeEvery(context, await this.sessionOf(context, request, cookie));
  }

  private async sessionOf(context: RequestContext, request: FastifyRequest, { token, csrf }: CookieProof) {
    const bearer = await this.bearers.of(request);
    const session = bearer ?? (token === null ? null : await this.sessions.ofCookie(context, token, csrf));
    if (!session) throw new ApiError('UNAUTHENTICATED', 'There is no session to end.');
    context.work.actIn({ teamId: session.teamId, userId: session.userId });
    return session;
  }
}

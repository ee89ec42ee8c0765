import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import type { RequestContext } from '../../platform/context/request-context.js';
import type { Role } from '../../platform/context/principal.js';
import { ApiError } from '../../platform/http/api-error.js';
import { ACCESS_TOKEN_SECONDS, AccessTokens } from '../auth/access-tokens.js';
import { CsrfTokens } from './csrf-tokens.js';
import { openSuccessor, type RefreshToken, RefreshTokens } from './refresh-token.js';
import { type SessionState, SessionStore } from './session-store.js';

/** What a browser gets when it signs in or refreshes; the refresh token travels in a cookie only. */
export interface IssuedTokens {
  readonly accessToken: string;
  /** Seconds. */
  readonly expiresIn: number;
  readonly csrfToken: string;
  readonly refreshToken: string;
}

/** Signing in, refreshing and ending sessions. */
@Injectable()
export class SessionService {
  constructor(
    private readonly store: SessionStore,
    private readonly refreshTokens: RefreshTokens,
    private readonly accessTokens: AccessTokens,
    private readonly csrf: CsrfTokens,
  ) {}

  /** Stages a new session in the request's unit of work. */
  open(context: RequestContext, member: { teamId: string; userId: string; role: Role }): IssuedTokens {
    const sessionId = uuidv7();
    const token = this.refreshTokens.create(member.teamId, sessionId, 1);
    const csrf = this.csrf.create(context.ipAddress);
    context.work.stage({
      statement: this.store.insert({ ...member, token, csrfHash: csrf.hash, device: context }),
      change: {
        id: uuidv7(),
        action: 'CREATE',
        resourceType: 'session',
        resourceId: sessionId,
        oldValues: null,
        newValues: { userId: member.userId },
        sealed: null,
      },
    });
    return this.issued(token, member, csrf.text);
  }

  /**
   * Exchanges a refresh token (RFC 9700, section 4.14.2). A racing tab gets the successor that the first one
   * made; any other second use ends the session.
   * @throws ApiError 401 `UNAUTHENTICATED`, `TOKEN_EXPIRED`, `TOKEN_REUSED`; 403 `CSRF_INVALID`
   */
  async refresh(
    context: RequestContext,
    cookie: string | null,
    csrfToken: string | null,
  ): Promise<IssuedTokens> {
    const presented = this.parse(cookie);
    if (csrfToken === null) throw csrfInvalid();
    const used = this.csrf.hash(csrfToken, context.ipAddress);
    const next = this.csrf.create(context.ipAddress);
    const successor = this.refreshTokens.create(
      presented.teamId,
      presented.sessionId,
      presented.generation + 1,
    );
    const member = await this.store.rotate(presented, successor, { used, next: next.hash });
    if (member) return this.issued(successor, { ...member, teamId: presented.teamId }, next.text);
    const state = await this.store.inspect(presented, used, context);
    return this.refreshAgain(presented, state, used, next);
  }

  private async refreshAgain(
    presented: RefreshToken,
    state: SessionState | null,
    used: Buffer,
    next: { text: string; hash: Buffer },
  ): Promise<IssuedTokens> {
    if (!state || state.disabled || state.role === null) throw ended();
    if (state.revokedReason === 'token_reused') throw reused();
    if (state.revokedReason !== null) throw ended();
    if (state.expired) throw new ApiError('TOKEN_EXPIRED', 'The session has expired; sign in again.');
    if (state.tokenHash.equals(presented.hash)) throw csrfInvalid();
    const racing =
      state.parentHash?.equals(presented.hash) &&
      state.withinRace &&
      state.sameDevice &&
      state.successorSealed;
    if (!racing) {
      await this.store.revoke(presented, 'token_reused');
      throw reused();
    }
    // The tab that rotated spent this very CSRF token: whoever presents both is the same page, asking once more.
    if (!state.csrfOpen && !state.rotationCsrfHash?.equals(used)) throw csrfInvalid();
    const successor = this.refreshTokens.parse(openSuccessor(presented, state.successorSealed));
    if (!successor || !(await this.store.openCsrf(presented, next.hash, state.csrfOpen ? used : null)))
      throw ended();
    return this.issued(
      successor,
      { teamId: presented.teamId, userId: state.userId, role: state.role },
      next.text,
    );
  }

  /** A new CSRF token for a page that has the cookie alone. */
  async openCsrf(context: RequestContext, cookie: string | null): Promise<string> {
    const token = this.parse(cookie);
    const next = this.csrf.create(context.ipAddress);
    const state = await this.store.inspect(token, next.hash, context);
    const known = state && (state.tokenHash.equals(token.hash) || state.parentHash?.equals(token.hash));
    if (!known || !(await this.store.openCsrf(token, next.hash, null))) throw ended();
    return next.text;
  }

  /** Stages that the person behind a session has just proved again who they are. */
  freshen(context: RequestContext, session: { teamId: string; sessionId: string }, atIso: string): void {
    const [mark, notice] = this.store.freshening(session, atIso);
    const change = {
      id: uuidv7(),
      action: 'UPDATE' as const,
      resourceType: 'session',
      resourceId: session.sessionId,
      oldValues: null,
      newValues: { steppedUpAt: atIso },
      sealed: null,
    };
    context.work.stage({ statement: mark, change });
    context.work.stage({ statement: notice, change: null });
  }

  /** Stages the end of a session. */
  close(context: RequestContext, session: { teamId: string; sessionId: string }, reason: string): void {
    const [revocation, notice] = this.store.revocation(session, reason);
    const change = {
      id: uuidv7(),
      action: 'UPDATE' as const,
      resourceType: 'session',
      resourceId: session.sessionId,
      oldValues: { revokedReason: null },
      newValues: { revokedReason: reason },
      sealed: null,
    };
    context.work.stage({ statement: revocation, change });
    context.work.stage({ statement: notice, change: null });
  }

  /**
   * The session of a cookie that is still current and whose CSRF token is open (spent here), for signing out.
   * @throws ApiError 401 or 403 `CSRF_INVALID`
   */
  async ofCookie(context: RequestContext, cookie: string | null, csrfToken: string | null) {
    const token = this.parse(cookie);
    if (csrfToken === null) throw csrfInvalid();
    const used = this.csrf.hash(csrfToken, context.ipAddress);
    const state = await this.store.inspect(token, used, context);
    if (!state || state.revokedReason !== null || state.expired || state.role === null) throw ended();
    if (!state.tokenHash.equals(token.hash) && !state.parentHash?.equals(token.hash)) throw ended();
    if (!state.csrfOpen) throw csrfInvalid();
    return { teamId: token.teamId, sessionId: token.sessionId, userId: state.userId };
  }

  private parse(cookie: string | null): RefreshToken {
    const token = cookie === null ? null : this.refreshTokens.parse(cookie);
    if (!token) throw ended();
    return token;
  }

  private issued(
    token: RefreshToken,
    member: { teamId: string; userId: string; role: Role },
    csrfToken: string,
  ): IssuedTokens {
    const accessToken = this.accessTokens.sign({
      sub: member.userId,
      sid: token.sessionId,
      team: member.teamId,
      role: member.role,
    });
    return { accessToken, expiresIn: ACCESS_TOKEN_SECONDS, csrfToken, refreshToken: token.text };
  }
}

function ended(): ApiError {
  return new ApiError('UNAUTHENTICATED', 'The session has ended; sign in again.');
}

function reused(): ApiError {
  return new ApiError(
    'TOKEN_REUSED',
    'This refresh token was used before; the session was ended for your safety.',
  );
}

function csrfInvalid(): ApiError {
  return new ApiError(
    'CSRF_INVALID',
    'The X-CSRF-Token header is missing or was used before; get one from /v1/auth/csrf.',
  );
}

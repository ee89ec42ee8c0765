import { Injectable } from '@nestjs/common';
import { newId } from '../../platform/crypto/new-id.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import type { Role } from '../../platform/context/principal.js';
import type { ChangeAction, RecordedChange } from '../../platform/database/change-recorder.js';
import { ApiError, notFound } from '../../platform/http/api-error.js';
import type { BearerSession } from '../principals/bearer-sessions.js';
import { ACCESS_TOKEN_SECONDS, AccessTokens } from '../auth/access-tokens.js';
import { CsrfTokens } from './csrf-tokens.js';
import { KnownDevices } from './known-devices.service.js';
import { openSuccessor, type RefreshToken, RefreshTokens } from './refresh-token.js';
import { IDLE_DAYS, type SessionKey, type SessionState, SessionStore } from './session-store.js';
import { type LiveSession, SessionReader } from './session-reader.js';
import { SessionWatch } from './session-watch.js';
import { UserDirectory } from '../users/user-directory.js';

/** What a browser gets when it signs in or refreshes; the refresh token travels in a cookie only. */
export interface IssuedTokens {
  readonly accessToken: string;
  /** Seconds. */
  readonly expiresIn: number;
  readonly csrfToken: string;
  readonly refreshToken: string;
  /** Life of its cookie in seconds. */
  readonly refreshExpiresIn: number;
}

/** What a sign-in delivers besides: the browser is remembered as one of this user's. Null where no credential was checked. */
export interface SignInTokens extends IssuedTokens {
  readonly device: { readonly userId: string; readonly secret: string } | null;
}

/** For whom a session is opened. */
export interface Opening {
  readonly teamId: string;
  readonly userId: string;
  readonly role: Role;
}

/** Signing in, refreshing and ending sessions. */
@Injectable()
export class SessionService {
  constructor(
    private readonly store: SessionStore,
    private readonly refreshTokens: RefreshTokens,
    private readonly accessTokens: AccessTokens,
    private readonly csrf: CsrfTokens,
    private readonly users: UserDirectory,
    private readonly devices: KnownDevices,
    private readonly reader: SessionReader,
    private readonly watch: SessionWatch,
  ) {}

  /** Stages a new session in the request's unit of work, and remembers the browser as this user's. */
  open(context: RequestContext, member: Opening): SignInTokens {
    const { userId } = member;
    const issued = this.insert(context, member, null);
    const device = this.devices.remember(userId);
    for (const statement of device.statements) context.work.stage({ statement, change: null });
    return { ...issued, device: { userId, secret: device.secret } };
  }

  /**
   * Stages a new session on the strength of another one, in whatever team. No credential was checked, so the new one is no
   * fresher than the other, and the browser is not remembered. When the other one ends meanwhile, the unit of work fails.
   */
  openFrom(context: RequestContext, other: BearerSession, member: Opening): SignInTokens {
    for (const statement of this.store.expectLive(other, member))
      context.work.stage({ statement, change: null });
    const provedAt = new Date(other.authenticatedAtMs).toISOString();
    return { ...this.insert(context, member, provedAt), device: null };
  }

  private insert(context: RequestContext, member: Opening, authenticatedAt: string | null): IssuedTokens {
    const { teamId, userId } = member;
    const sessionId = newId();
    const token = this.refreshTokens.create(teamId, sessionId, 1);
    const csrf = this.csrf.create(context.ipAddress);
    context.work.stage({
      statement: this.store.insert({
        ...member,
        token,
        csrfHash: csrf.hash,
        device: context,
        authenticatedAt,
      }),
      change: change('CREATE', 'session', sessionId, null, { userId }),
    });
    context.work.afterCommit(() => this.watch.signedIn(context, { teamId, userId, sessionId }));
    return this.issued(token, { ...member, cookieSeconds: IDLE_DAYS * 86_400 }, csrf.text);
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
    const used = csrfToken === null ? null : this.csrf.hash(csrfToken, context.ipAddress);
    const next = this.csrf.create(context.ipAddress);
    if (used !== null) {
      const { teamId, sessionId, generation } = presented;
      const successor = this.refreshTokens.create(teamId, sessionId, generation + 1);
      const member = await this.store.rotate(presented, successor, { used, next: next.hash }, context);
      if (member) return this.issued(successor, { ...member, teamId }, next.text);
    }
    const state = await this.store.inspect(presented, used, context);
    return this.refreshAgain(context, presented, state, used, next);
  }

  /** The token was not exchanged: why? A copied one ends the session even when the thief lacks the CSRF token. */
  private async refreshAgain(
    context: RequestContext,
    presented: RefreshToken,
    state: SessionState | null,
    used: Buffer | null,
    next: { text: string; hash: Buffer },
  ): Promise<IssuedTokens> {
    if (!state || state.disabled || state.role === null) throw ended();
    if (state.revokedReason === 'token_reused') throw reused();
    if (state.revokedReason !== null) throw ended();
    if (state.expired) throw new ApiError('TOKEN_EXPIRED', 'The session has expired; sign in again.');
    const whose = { teamId: presented.teamId, userId: state.userId };
    if (state.tokenHash.equals(presented.hash)) throw this.csrfInvalid(context, whose);
    const racing =
      state.parentHash?.equals(presented.hash) &&
      state.withinRace &&
      state.sameDevice &&
      state.successorSealed;
    if (!racing) {
      await this.endReused(context, { ...whose, sessionId: presented.sessionId });
      throw reused();
    }
    // The tab that rotated spent this very CSRF token: whoever presents both is the same page, asking once more.
    const spentByRotation = used !== null && state.rotationCsrfHash?.equals(used);
    if (!state.csrfOpen && !spentByRotation) throw this.csrfInvalid(context, whose);
    const successor = this.refreshTokens.parse(openSuccessor(presented, state.successorSealed));
    if (!successor || !(await this.store.openCsrf(presented, next.hash, state.csrfOpen ? used : null)))
      throw ended();
    return this.issued(
      successor,
      { ...whose, role: state.role, cookieSeconds: state.cookieSeconds },
      next.text,
    );
  }

  private async endReused(
    context: RequestContext,
    session: { teamId: string; userId: string; sessionId: string },
  ): Promise<void> {
    const member = await this.users.findMember(session.teamId, session.userId);
    const mail = member ? [this.watch.reuseMail(context, member)] : [];
    if (await this.store.endReused(session, mail)) this.watch.reused(context, session);
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
    const steppedUp = change('UPDATE', 'session', session.sessionId, null, { steppedUpAt: atIso });
    context.work.stage({ statement: mark, change: steppedUp });
    context.work.stage({ statement: notice, change: null });
  }

  /** Stages the end of a session. */
  close(context: RequestContext, session: SessionKey, reason: string): void {
    const [before, after] = [{ revokedReason: null }, { revokedReason: reason }];
    context.work.stage({
      statement: this.store.revocation(session, reason),
      change: change('UPDATE', 'session', session.sessionId, before, after),
    });
  }

  /** Stages the end of all sessions of a person, in every team; the unit of work acts as that person. */
  closeAll(
    context: RequestContext,
    { userId, keptSessionId, reason }: { userId: string; keptSessionId: string | null; reason: string },
  ): void {
    context.work.stage({
      statement: this.store.revocationOfAll(userId, keptSessionId, reason),
      change: change('UPDATE', 'user', userId, null, { sessionsEnded: reason, keptSessionId }),
    });
  }

  /** Stages the end of all sessions of a person who asks for it, and lets the team know. */
  closeEvery(context: RequestContext, { teamId, userId }: { teamId: string; userId: string }): void {
    this.closeAll(context, { userId, keptSessionId: null, reason: 'logout_all' });
    context.work.afterCommit(() => this.watch.ended(context, { teamId, userId }, 'logout_all'));
  }

  /** Stages the end of one of the caller's own sessions. @throws ApiError 404 */
  async closeOwn(context: RequestContext, sessionId: string): Promise<void> {
    const { teamId, userId } = context.principal;
    if (!(await this.reader.isLive({ teamId, sessionId }, userId))) throw notFound();
    this.close(context, { teamId, sessionId }, 'revoked');
    context.work.afterCommit(() => this.watch.ended(context, { teamId, userId, sessionId }, 'revoked'));
  }

  /** The caller's live sessions in this team. */
  async list(context: RequestContext): Promise<(LiveSession & { current: boolean })[]> {
    const { teamId, userId, sessionId } = context.principal;
    const sessions = await this.reader.list(teamId, userId);
    return sessions.map((session) => ({ ...session, current: session.id === sessionId }));
  }

  /**
   * The session of a cookie that is still current and whose CSRF token is open, for signing out.
   * @throws ApiError 401 or 403 `CSRF_INVALID`
   */
  async ofCookie(context: RequestContext, cookie: string | null, csrfToken: string | null) {
    const token = this.parse(cookie);
    const used = csrfToken === null ? null : this.csrf.hash(csrfToken, context.ipAddress);
    const state = await this.store.inspect(token, used, context);
    if (!state || state.revokedReason !== null || state.expired || state.role === null) throw ended();
    if (!state.tokenHash.equals(token.hash) && !state.parentHash?.equals(token.hash)) throw ended();
    const { teamId, sessionId } = token;
    if (!state.csrfOpen) throw this.csrfInvalid(context, { teamId, userId: state.userId });
    return { teamId, sessionId, userId: state.userId };
  }

  private parse(cookie: string | null): RefreshToken {
    const token = cookie === null ? null : this.refreshTokens.parse(cookie);
    if (!token) throw ended();
    return token;
  }

  private csrfInvalid(context: RequestContext, whose: { teamId: string; userId: string }): ApiError {
    this.watch.csrfFailed(context, whose);
    return new ApiError(
      'CSRF_INVALID',
      'The X-CSRF-Token header is missing or was used before; get one from /v1/auth/csrf.',
    );
  }

  private issued(
    token: RefreshToken,
    member: { teamId: string; userId: string; role: Role; cookieSeconds: number },
    csrfToken: string,
  ): IssuedTokens {
    const accessToken = this.accessTokens.sign({
      sub: member.userId,
      sid: token.sessionId,
      team: member.teamId,
      role: member.role,
    });
    return {
      accessToken,
      expiresIn: ACCESS_TOKEN_SECONDS,
      csrfToken,
      refreshToken: token.text,
      refreshExpiresIn: member.cookieSeconds,
    };
  }
}

function change(
  action: ChangeAction,
  resourceType: 'session' | 'user',
  resourceId: string,
  oldValues: Record<string, unknown> | null,
  newValues: Record<string, unknown>,
): RecordedChange {
  return { id: newId(), action, resourceType, resourceId, oldValues, newValues, sealed: null };
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

import { Injectable } from '@nestjs/common';
import { SecurityEvents } from '../../oversight/security-events/security-events.service.js';
import type { FastifyRequest } from 'fastify';
import type { RequestContext } from '../../platform/context/request-context.js';
import { ApiError } from '../../platform/http/api-error.js';
import { PasswordRehash } from '../accounts/password-rehash.service.js';
import { LoginLockout, type LoginSubject } from '../attempts/login-lockout.service.js';
import { PasswordHasher } from '../passwords/password-hasher.js';
import { KnownDevices } from '../sessions/known-devices.service.js';
import { type SignInTokens, SessionService } from '../sessions/session.service.js';
import { LoginChallenges } from '../two-factor/login-challenges.service.js';
import { TwoFactorService } from '../two-factor/two-factor.service.js';
import { emailKey } from '../users/email-address.js';
import { type LoginRecord, type Member, type OwnTeam, UserDirectory } from '../users/user-directory.js';
import type { LoginDto } from './dto/login.dto.js';
import type { MeView } from './dto/auth.views.js';

/** A sign-in that is complete. */
export interface SignIn {
  readonly member: Member;
  readonly tokens: SignInTokens;
}

/** Signing in, and who is signed in. */
@Injectable()
export class AuthService {
  constructor(
    private readonly users: UserDirectory,
    private readonly sessions: SessionService,
    private readonly passwords: PasswordHasher,
    private readonly twoFactor: TwoFactorService,
    private readonly challenges: LoginChallenges,
    private readonly rehash: PasswordRehash,
    private readonly lockout: LoginLockout,
    private readonly devices: KnownDevices,
    private readonly events: SecurityEvents,
  ) {}

  /**
   * Checks the password and opens a session, or for those with a second factor a challenge. An unknown address costs
   * the same hash and the same counters as a known one.
   * @throws ApiError 401 `INVALID_CREDENTIALS`, the same for unknown, disabled and wrong; 403 for a team that is not theirs; 423 and 429 of the lockout
   */
  async login(
    context: RequestContext,
    input: LoginDto,
    request: FastifyRequest,
  ): Promise<SignIn | { challengeToken: string }> {
    const key = emailKey(input.email);
    const account = await this.users.findLogin(key);
    const [userId, teamId] = [account?.userId ?? null, account?.teamId ?? null];
    const deviceId = account ? await this.devices.find(request, account) : null;
    const subject = { emailKey: key, userId, teamId, deviceId };
    const member = await this.lockout.attempt(context, subject, () => this.verified(account, input));
    if (member === 'of-no-such-team') {
      context.work.noChange('nobody was signed in');
      throw new ApiError('FORBIDDEN', 'You are not a member of this team.');
    }
    if (!member) {
      this.record(context, 'login_failed', subject);
      throw new ApiError('INVALID_CREDENTIALS', 'The e-mail address or the password is wrong.');
    }
    const { team, user, role } = member;
    const hash = account?.passwordHash ?? '';
    const checked = { teamId: team.id, userId: user.id, hash, password: input.password };
    context.work.afterCommit(() => this.rehash.afterSignIn(context, checked));
    if (member.twoFactorEnabled) {
      context.work.noChange('the second factor is still to come');
      return { challengeToken: await this.challenges.open({ teamId: team.id, userId: user.id }) };
    }
    context.work.actIn({ teamId: team.id, userId: user.id });
    const unchanged = this.users.expectPassword(user.id, hash);
    context.work.stage({ statement: unchanged, change: null });
    const tokens = this.sessions.open(context, { teamId: team.id, userId: user.id, role });
    context.work.afterCommit(() => this.record(context, 'login_succeeded', { ...subject, teamId: team.id }));
    return { member, tokens };
  }

  /** Which teams somebody belongs to is told to whoever has the password, and to nobody else. */
  private async verified(
    account: LoginRecord | null,
    { password, teamId }: LoginDto,
  ): Promise<Member | 'of-no-such-team' | null> {
    const correct = account
      ? await this.passwords.verify(account.passwordHash, password)
      : await this.passwords.verifyDummy(password);
    if (!account || !correct || account.disabled || account.teamId === null) return null;
    const member = await this.users.findMember(teamId ?? account.teamId, account.userId);
    return member ?? (teamId === undefined ? null : 'of-no-such-team');
  }

  private record(
    context: RequestContext,
    type: 'login_succeeded' | 'login_failed',
    { teamId, userId, emailKey: key }: LoginSubject,
  ): void {
    this.events.record({
      type,
      teamId,
      userId,
      ipAddress: context.ipAddress,
      userAgent: context.userAgent,
      requestId: context.requestId,
      details: type === 'login_failed' ? { account: this.lockout.fingerprint(key) } : { method: 'password' },
    });
  }

  /** Where the caller may sign in. */
  teams(context: RequestContext): Promise<OwnTeam[]> {
    const { homeTeamId, userId } = context.principal;
    return this.users.findTeams(homeTeamId, userId);
  }

  /** The caller's own view. */
  async me(context: RequestContext): Promise<MeView> {
    const { homeTeamId, userId, role, scopes, authMethod } = context.principal;
    const member = await this.users.findMember(homeTeamId, userId);
    if (!member) throw new ApiError('UNAUTHENTICATED', 'The session has ended; sign in again.');
    return {
      user: member.user,
      team: { id: member.team.id, name: member.team.name },
      role,
      scopes: [...scopes].sort(),
      authMethod: authMethod === 'api_key' ? 'api_key' : 'jwt',
      twoFactor: await this.twoFactor.stateOf({ teamId: homeTeamId, userId }),
    };
  }
}

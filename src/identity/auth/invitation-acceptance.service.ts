import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { newId } from '../../platform/crypto/new-id.js';
import { Clock } from '../../platform/clock/clock.js';
import { Config } from '../../platform/config/config.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import type { RecordedChange } from '../../platform/database/change-recorder.js';
import { isPgError, SQLSTATE } from '../../platform/database/database-errors.js';
import { ApiError, invalidField } from '../../platform/http/api-error.js';
import { AttemptCounters } from '../attempts/attempt-counters.service.js';
import { addressClaim, LoginLockout } from '../attempts/login-lockout.service.js';
import { PasswordHasher } from '../passwords/password-hasher.js';
import { assertAcceptablePassword } from '../passwords/password-policy.js';
import { type BearerSession, BearerSessions } from '../principals/bearer-sessions.js';
import { SessionService, type SignInTokens } from '../sessions/session.service.js';
import type { OpenInvitation } from '../teams/invitation.entity.js';
import { InvitationsService } from '../teams/invitations.service.js';
import { type Person, UserDirectory } from '../users/user-directory.js';
import type { AcceptInvitationDto } from './dto/accept-invitation.dto.js';

export interface Accepted {
  readonly user: Person;
  readonly team: { readonly id: string; readonly name: string };
  readonly tokens: SignInTokens;
}

/** Joining a team by a mailed token: as a new person, or as somebody who has an account. */
@Injectable()
export class InvitationAcceptanceService {
  constructor(
    private readonly config: Config,
    private readonly invitations: InvitationsService,
    private readonly attempts: AttemptCounters,
    private readonly lockout: LoginLockout,
    private readonly bearers: BearerSessions,
    private readonly users: UserDirectory,
    private readonly passwords: PasswordHasher,
    private readonly sessions: SessionService,
    private readonly clock: Clock,
  ) {}

  /**
   * @throws ApiError 400 for a bad token (counted against the address) or weak password, 401 when the account must sign
   *   in first, 403 for somebody else's invitation or where no accounts are made, 409 for a member
   */
  async accept(
    context: RequestContext,
    request: FastifyRequest,
    input: AcceptInvitationDto,
  ): Promise<Accepted> {
    const invitation = await this.attempts.attempt([addressClaim(context)], () =>
      this.invitations.findByToken(input.token),
    );
    if (!invitation) throw invalidField('token', 'is not valid, was used already, or has expired');
    const { account } = invitation;
    if (!account) return this.join(context, invitation, await this.create(context, invitation, input), null);
    const bearer = await this.bearers.of(request);
    if (bearer && bearer.userId !== account.userId) {
      throw new ApiError('FORBIDDEN', 'This invitation is for another account.');
    }
    if (!bearer) await this.proveByPassword(context, invitation, account, input.password);
    return this.join(context, invitation, await this.existing(context, invitation, account.userId), bearer);
  }

  private async create(
    context: RequestContext,
    invitation: OpenInvitation,
    input: AcceptInvitationDto,
  ): Promise<Person> {
    if (this.config.registration === 'closed') {
      throw new ApiError('FORBIDDEN', 'No new accounts are made here.');
    }
    const { teamId, email, emailKey, teamName } = invitation;
    const { name, password } = input;
    if (name === undefined) throw invalidField('name', 'is needed for a new account');
    if (password === undefined) throw invalidField('password', 'is needed for a new account');
    assertAcceptablePassword(password, { email, teamNames: [teamName] }, 'password');
    const passwordHash = await this.passwords.hash(password);
    const [id, at] = [newId(), this.clock.nowIso()];
    context.work.actIn({ teamId, userId: id });
    this.stageAcceptance(context, invitation, at);
    context.work.stage({
      statement: this.users.insertUser({ id, email, emailKey, name, passwordHash }),
      change: change('CREATE', 'user', id, {}),
      explain: (error) => (isUniqueViolation(error) ? signInFirst() : null),
    });
    // Whoever holds the token reads the mail of this address.
    context.work.stage({ statement: this.users.verifyEmail(id, at), change: null });
    return { id, email, name, emailVerifiedAt: at, passwordChangedAt: at };
  }

  private async existing(
    context: RequestContext,
    invitation: OpenInvitation,
    userId: string,
  ): Promise<Person> {
    const { teamId } = invitation;
    const user = await this.users.findPerson(teamId, userId);
    if (!user) throw signInFirst();
    context.work.actIn({ teamId, userId: user.id });
    this.stageAcceptance(context, invitation, this.clock.nowIso());
    return user;
  }

  /**
   * Somebody who was removed from their only team cannot sign in any more, so the password, counted like a sign-in,
   * stands in for it. It does not where a second factor is on: that account's owner is asked to help.
   */
  private async proveByPassword(
    context: RequestContext,
    { emailKey }: OpenInvitation,
    account: { userId: string; twoFactor: boolean; hasTeam: boolean },
    password: string | undefined,
  ): Promise<void> {
    if (account.hasTeam || account.twoFactor || password === undefined) throw signInFirst();
    const login = await this.users.findLogin(emailKey);
    const subject = { emailKey, userId: account.userId, teamId: null, deviceId: null };
    const proved = await this.lockout.attempt(context, subject, async () =>
      login && (await this.passwords.verify(login.passwordHash, password)) && !login.disabled ? true : null,
    );
    if (!proved) throw new ApiError('INVALID_CREDENTIALS', 'The e-mail address or the password is wrong.');
  }

  private stageAcceptance(context: RequestContext, invitation: OpenInvitation, at: string): void {
    const accepted = change('UPDATE', 'invitation', invitation.id, { acceptedAt: at });
    context.work.stage({ statement: this.invitations.acceptance(invitation, at), change: accepted });
  }

  private join(
    context: RequestContext,
    { teamId, teamName, role }: OpenInvitation,
    user: Person,
    bearer: BearerSession | null,
  ): Accepted {
    context.work.stage({
      statement: this.users.insertMembership(teamId, user.id, role),
      change: change('CREATE', 'membership', user.id, { role }),
      explain: (error) =>
        isUniqueViolation(error) ? new ApiError('CONFLICT', 'You are a member of this team already.') : null,
    });
    const member = { teamId, userId: user.id, role };
    const tokens = bearer
      ? this.sessions.openFrom(context, bearer, member)
      : this.sessions.open(context, member);
    return { user, team: { id: teamId, name: teamName }, tokens };
  }
}

function change(
  action: 'CREATE' | 'UPDATE',
  resourceType: string,
  resourceId: string,
  newValues: Record<string, unknown>,
): RecordedChange {
  return { id: newId(), action, resourceType, resourceId, oldValues: null, newValues, sealed: null };
}

function isUniqueViolation(error: Error): boolean {
  return isPgError(error) && error.code === SQLSTATE.uniqueViolation;
}

function signInFirst(): ApiError {
  return new ApiError('UNAUTHENTICATED', 'An account with this address exists: sign in, then accept.');
}

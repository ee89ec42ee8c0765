import { Injectable } from '@nestjs/common';
import type { RequestContext } from '../../platform/context/request-context.js';
import { ApiError } from '../../platform/http/api-error.js';
import { PasswordHasher } from '../passwords/password-hasher.js';
import { type IssuedTokens, SessionService } from '../sessions/session.service.js';
import { emailKey } from '../users/email-address.js';
import { type Member, UserDirectory } from '../users/user-directory.js';
import type { LoginDto } from './dto/login.dto.js';
import type { MeView } from './dto/auth.views.js';

/** Signing in, and who is signed in. */
@Injectable()
export class AuthService {
  constructor(
    private readonly users: UserDirectory,
    private readonly sessions: SessionService,
    private readonly passwords: PasswordHasher,
  ) {}

  /**
   * Checks the password and opens a session. An unknown address costs the same hash as a known one.
   * @throws ApiError 401 `INVALID_CREDENTIALS`, the same for unknown, disabled and wrong
   */
  async login(context: RequestContext, input: LoginDto): Promise<{ member: Member; tokens: IssuedTokens }> {
    const account = await this.users.findLogin(emailKey(input.email));
    const correct = account
      ? await this.passwords.verify(account.passwordHash, input.password)
      : await this.passwords.verifyDummy(input.password);
    const member =
      account && correct && !account.disabled && account.teamId !== null
        ? await this.users.findMember(account.teamId, account.userId)
        : null;
    if (!member) throw new ApiError('INVALID_CREDENTIALS', 'The e-mail address or the password is wrong.');
    const { team, user, role } = member;
    context.work.actIn({ teamId: team.id, userId: user.id });
    const tokens = this.sessions.open(context, { teamId: team.id, userId: user.id, role });
    return { member, tokens };
  }

  /** The caller's own view. */
  async me(context: RequestContext): Promise<MeView> {
    const { teamId, userId, role, scopes, authMethod } = context.principal;
    const member = await this.users.findMember(teamId, userId);
    if (!member) throw new ApiError('UNAUTHENTICATED', 'The session has ended; sign in again.');
    return {
      user: member.user,
      team: { id: member.team.id, name: member.team.name },
      role,
      scopes: [...scopes].sort(),
      authMethod,
      twoFactor: { enabled: false },
    };
  }
}

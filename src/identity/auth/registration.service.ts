import { Injectable } from '@nestjs/common';
import { newId } from '../../platform/crypto/new-id.js';
import { Config } from '../../platform/config/config.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import { SubjectCipher } from '../../platform/crypto/subject-cipher.js';
import type { RecordedChange } from '../../platform/database/change-recorder.js';
import { isPgError, SQLSTATE } from '../../platform/database/database-errors.js';
import type { Statement } from '../../platform/database/statement.js';
import { ApiError } from '../../platform/http/api-error.js';
import { Log } from '../../platform/logging/log.js';
import { AttemptCounters } from '../attempts/attempt-counters.service.js';
import { addressClaim } from '../attempts/login-lockout.service.js';
import { EmailVerificationService } from '../accounts/email-verification.service.js';
import { PasswordHasher } from '../passwords/password-hasher.js';
import { passwordProblems } from '../passwords/password-policy.js';
import { type SignInTokens, SessionService } from '../sessions/session.service.js';
import { emailKey } from '../users/email-address.js';
import { UserDirectory } from '../users/user-directory.js';
import type { RegisterDto } from './dto/register.dto.js';

export interface Registered {
  readonly teamId: string;
  readonly userId: string;
  readonly tokens: SignInTokens;
}

/** A new person with a new team, of which they are the owner. */
@Injectable()
export class RegistrationService {
  constructor(
    private readonly config: Config,
    private readonly users: UserDirectory,
    private readonly sessions: SessionService,
    private readonly passwords: PasswordHasher,
    private readonly cipher: SubjectCipher,
    private readonly attempts: AttemptCounters,
    private readonly verifications: EmailVerificationService,
    private readonly log: Log,
  ) {}

  /** @throws ApiError 403 when registration is not open, 400 for a weak password, 409 `DUPLICATE`, 429 `AUTH_RATE_LIMIT` */
  async register(context: RequestContext, input: RegisterDto): Promise<Registered> {
    if (this.config.registration !== 'open') {
      throw new ApiError('FORBIDDEN', 'Registration is closed here; ask for an invitation.');
    }
    const problems = passwordProblems(input.password, { email: input.email, teamNames: [input.teamName] });
    if (problems.length > 0) {
      throw new ApiError('VALIDATION_FAILED', 'The request has invalid fields.', { details: problems });
    }
    await this.assertFree(context, input.email);
    const passwordHash = await this.passwords.hash(input.password);
    const [teamId, userId] = [newId(), newId()];
    context.work.actIn({ teamId, userId });
    this.stageTeam(context, teamId, input.teamName);
    this.stageOwner(context, teamId, userId, input, passwordHash);
    const tokens = this.sessions.open(context, { teamId, userId, role: 'owner' });
    return { teamId, userId, tokens };
  }

  /** An address that is taken is a failure: looking for accounts this way ends after five. */
  private async assertFree(context: RequestContext, email: string): Promise<void> {
    const free = await this.attempts.attempt([addressClaim(context)], async () =>
      (await this.users.findLogin(emailKey(email))) ? null : true,
    );
    if (!free) throw taken();
  }

  /** Somebody took the address while the password was hashed: a failure like any other; the answer does not wait for its count. */
  private lostRace(context: RequestContext): ApiError {
    this.attempts
      .attempt([addressClaim(context)], () => Promise.resolve(null))
      .catch((err: unknown) => this.log.warn({ err }, 'a registration that lost a race was not counted'));
    return taken();
  }

  private stageTeam(context: RequestContext, teamId: string, name: string): void {
    const key = this.cipher.create(teamId, teamId);
    context.work.stage({
      statement: this.users.insertTeam(teamId, name),
      change: created('team', teamId, { name }),
    });
    const text = `INSERT INTO data_keys (team_id, subject_id, subject_type, wrapped, master_key_id) VALUES ($1, $1, 'teams', $2, $3)`;
    const statement: Statement = {
      name: 'team:index-key',
      text,
      values: [teamId, key.wrapped, key.masterKeyId],
    };
    context.work.stage({ statement, change: null });
  }

  private stageOwner(
    context: RequestContext,
    teamId: string,
    userId: string,
    input: RegisterDto,
    passwordHash: string,
  ): void {
    const user = {
      id: userId,
      email: input.email,
      emailKey: emailKey(input.email),
      name: input.name,
      passwordHash,
    };
    context.work.stage({
      statement: this.users.insertUser(user),
      change: created('user', userId, {}),
      explain: (error) =>
        isPgError(error) && error.code === SQLSTATE.uniqueViolation ? this.lostRace(context) : null,
    });
    const statement = this.users.insertMembership(teamId, userId, 'owner');
    context.work.stage({ statement, change: created('membership', userId, { role: 'owner' }) });
    this.verifications.stageMail(context, { ...user, teamId, userId });
  }
}

function created(
  resourceType: string,
  resourceId: string,
  newValues: Record<string, unknown>,
): RecordedChange {
  return {
    id: newId(),
    action: 'CREATE',
    resourceType,
    resourceId,
    oldValues: null,
    newValues,
    sealed: null,
  };
}

function taken(): ApiError {
  return new ApiError('DUPLICATE', 'An account with this e-mail address exists; sign in instead.', {
    details: [{ field: 'email', message: 'is taken' }],
  });
}

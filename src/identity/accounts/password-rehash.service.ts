import { Injectable } from '@nestjs/common';
import { newId } from '../../platform/crypto/new-id.js';
import { Clock } from '../../platform/clock/clock.js';
import { RequestContext } from '../../platform/context/request-context.js';
import { UnitRunner } from '../../platform/http/unit-runner.js';
import { Log } from '../../platform/logging/log.js';
import { PasswordHasher } from '../passwords/password-hasher.js';
import { UserDirectory } from '../users/user-directory.js';

/** A password that was right a moment ago, and the hash that said so. */
export interface CheckedPassword {
  readonly teamId: string;
  readonly userId: string;
  readonly hash: string;
  readonly password: string;
}

/**
 * Replaces a hash of weaker parameters at a sign-in, the one moment when the password is known. Nobody waits for it; what
 * fails or meets a full queue is done at the next sign-in. The password stays the same, so sessions and
 * `passwordChangedAt` do too.
 */
@Injectable()
export class PasswordRehash {
  constructor(
    private readonly hasher: PasswordHasher,
    private readonly users: UserDirectory,
    private readonly units: UnitRunner,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  /** To be called after the sign-in has been committed. */
  afterSignIn(context: RequestContext, checked: CheckedPassword): void {
    if (!this.hasher.needsRehash(checked.hash)) return;
    const { requestId, ipAddress, userAgent } = context;
    this.replace(new RequestContext(requestId, ipAddress, userAgent), checked).catch((err: unknown) =>
      this.log.warn({ err, requestId }, 'a password hash keeps its old parameters until the next sign-in'),
    );
  }

  private async replace(context: RequestContext, checked: CheckedPassword): Promise<void> {
    const { teamId, userId } = checked;
    const hash = await this.hasher.hash(checked.password);
    await this.units.alone(context, async () => {
      context.work.actIn({ teamId, userId });
      context.work.stage({
        statement: this.users.replaceHash(userId, checked.hash, hash, this.clock.nowIso()),
        change: {
          id: newId(),
          action: 'UPDATE',
          resourceType: 'user',
          resourceId: userId,
          oldValues: null,
          newValues: { passwordRehashed: true },
          sealed: null,
        },
      });
    });
  }
}

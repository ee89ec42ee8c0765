import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { SecurityEvents } from '../../oversight/security-events/security-events.service.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import { ApiError } from '../../platform/http/api-error.js';
import { LoginLockout } from '../attempts/login-lockout.service.js';
import { PasswordHasher } from '../passwords/password-hasher.js';
import { KnownDevices } from '../sessions/known-devices.service.js';
import { emailKey } from '../users/email-address.js';
import { UserDirectory } from '../users/user-directory.js';

/** Checks the password of somebody who is signed in already; wrong ones count like those of a sign-in. */
@Injectable()
export class PasswordProof {
  constructor(
    private readonly users: UserDirectory,
    private readonly passwords: PasswordHasher,
    private readonly lockout: LoginLockout,
    private readonly devices: KnownDevices,
    private readonly events: SecurityEvents,
  ) {}

  /** @throws ApiError 401 `INVALID_CREDENTIALS`, 423 and 429 of the lockout */
  async prove(context: RequestContext, password: string, request: FastifyRequest): Promise<void> {
    const { teamId, userId } = context.principal;
    const [hash, member, deviceId] = await Promise.all([
      this.users.findPasswordHash(teamId, userId),
      this.users.findMember(teamId, userId),
      this.devices.find(request, { teamId, userId }),
    ]);
    if (hash === null || !member) throw wrongPassword();
    const subject = { emailKey: emailKey(member.user.email), userId, teamId, deviceId };
    const correct = await this.lockout.attempt(context, subject, async () =>
      (await this.passwords.verify(hash, password)) ? true : null,
    );
    if (correct) return;
    this.events.record({
      type: 'step_up_failed',
      teamId,
      userId,
      ipAddress: context.ipAddress,
      userAgent: context.userAgent,
      requestId: context.requestId,
      details: { reason: 'wrong_password' },
    });
    throw wrongPassword();
  }
}

function wrongPassword(): ApiError {
  return new ApiError('INVALID_CREDENTIALS', 'The password is wrong.');
}

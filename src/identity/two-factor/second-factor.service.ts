import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { SecurityEvent } from '../../oversight/security-events/security-event.js';
import { SecurityEvents } from '../../oversight/security-events/security-events.service.js';
import { Clock } from '../../platform/clock/clock.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import { MasterKeys } from '../../platform/crypto/master-keys.js';
import type { Statement } from '../../platform/database/statement.js';
import { ApiError } from '../../platform/http/api-error.js';
import { LoginLockout } from '../attempts/login-lockout.service.js';
import { KnownDevices } from '../sessions/known-devices.service.js';
import { emailKey } from '../users/email-address.js';
import { backupCodeHash, normalizeBackupCode } from './backup-codes.js';
import { type FactorSecrets, openFactor, sealFactor } from './factor-seal.js';
import { matchTotp } from './totp.js';
import { type Person, type StoredFactor, TwoFactorStore } from './two-factor-store.js';

/** Where a code was presented; stands in the security event. */
export type CodePurpose = 'login' | 'step_up' | 'enable' | 'disable' | 'backup_codes';

/** A code, what for, and the request that brings it: a browser that signed in before has tries of its own. */
export interface PresentedCode {
  readonly code: string;
  readonly purpose: CodePurpose;
  readonly request: FastifyRequest;
}

/**
 * Proves a second factor. The proof is staged, not written: a code is used up in the very transaction of what it was
 * given for, and of two requests with one code the second finds it used, whatever their endpoints and instances.
 */
@Injectable()
export class SecondFactor {
  constructor(
    private readonly store: TwoFactorStore,
    private readonly keys: MasterKeys,
    private readonly clock: Clock,
    private readonly lockout: LoginLockout,
    private readonly devices: KnownDevices,
    private readonly events: SecurityEvents,
  ) {}

  /**
   * Checks a code of the app, or a backup code, and stages its use.
   * @throws ApiError 401 `INVALID_CODE`, 423 and 429 of the lockout
   */
  async prove(
    context: RequestContext,
    person: Person,
    { code, purpose, request }: PresentedCode,
  ): Promise<void> {
    const factor = await this.store.find(person);
    const subject = await this.subjectOf(person, factor?.email ?? '', request);
    const claim = await this.lockout.attemptCode(context, subject, async () =>
      factor?.enabled ? this.claimOf(person, factor, code) : null,
    );
    this.stage(context, person, purpose, claim);
    if (factor && normalizeBackupCode(code) !== null) {
      const details = { remaining: factor.backupCodesLeft - 1 };
      context.work.afterCommit(() => this.record(context, person, 'backup_code_used', details));
    }
  }

  /**
   * Checks the first code of a secret that is being set up; a backup code is of no use here. Wrong ones count as well:
   * whoever stole an access token must not guess their way to the backup codes of a set-up that was left waiting.
   * @throws ApiError 401 `INVALID_CODE`, 423 and 429 of the lockout
   */
  async proveNew(
    context: RequestContext,
    person: Person,
    factor: StoredFactor,
    { code, purpose, request }: PresentedCode,
  ): Promise<FactorSecrets> {
    const secrets = openFactor(this.keys, person.userId, factor);
    const subject = await this.subjectOf(person, factor.email, request);
    const claim = await this.lockout.attemptCode(context, subject, async () =>
      this.stepClaim(person, factor, secrets, code),
    );
    this.stage(context, person, purpose, claim);
    return secrets;
  }

  private async subjectOf(person: Person, email: string, request: FastifyRequest) {
    const { teamId, userId } = person;
    const deviceId = await this.devices.find(request, person);
    return { teamId, userId, emailKey: emailKey(email), deviceId };
  }

  private stage(
    context: RequestContext,
    person: Person,
    purpose: CodePurpose,
    claim: readonly Statement[] | null,
  ): void {
    if (claim === null) {
      this.record(context, person, 'two_factor_failed', { reason: 'wrong_or_used', purpose });
      throw new ApiError('INVALID_CODE', 'The code is wrong or was used before.');
    }
    for (const statement of claim) context.work.stage({ statement, change: null });
  }

  private async claimOf(person: Person, factor: StoredFactor, code: string): Promise<Statement[] | null> {
    const secrets = openFactor(this.keys, person.userId, factor);
    const backupCode = normalizeBackupCode(code);
    if (backupCode === null) return this.stepClaim(person, factor, secrets, code);
    const hash = backupCodeHash(secrets.pepper, person.userId, backupCode);
    return (await this.store.hasBackupCode(person, hash))
      ? [this.store.claimBackupCode(person.userId, hash)]
      : null;
  }

  private stepClaim(
    { userId }: Person,
    factor: StoredFactor,
    secrets: FactorSecrets,
    code: string,
  ): Statement[] | null {
    const step = matchTotp(secrets.secret, code.replace(/\s/g, ''), this.clock.nowMs());
    if (step === null || step <= factor.lastStep) return null;
    const claim = [this.store.claimStep(userId, factor.sealed, step)];
    // A rotated master key gets rid of its old values as people sign in.
    if (factor.masterKeyId !== this.keys.currentId) {
      const { sealed, masterKeyId } = sealFactor(this.keys, userId, secrets);
      claim.push(this.store.reseal(userId, factor.sealed, sealed, masterKeyId));
    }
    return claim;
  }

  private record(
    context: RequestContext,
    { teamId, userId }: Person,
    type: 'two_factor_failed' | 'backup_code_used',
    details: SecurityEvent['details'],
  ): void {
    const { ipAddress, userAgent, requestId } = context;
    this.events.record({ type, teamId, userId, ipAddress, userAgent, requestId, details });
  }
}

import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { toDataURL, toString as toText } from 'qrcode';
import { newId } from '../../platform/crypto/new-id.js';
import { Clock } from '../../platform/clock/clock.js';
import { Mailer } from '../../platform/mail/mailer.service.js';
import { SecurityEvents } from '../../oversight/security-events/security-events.service.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import { MasterKeys } from '../../platform/crypto/master-keys.js';
import type { ChangeAction, RecordedChange } from '../../platform/database/change-recorder.js';
import type { Statement } from '../../platform/database/statement.js';
import { ApiError } from '../../platform/http/api-error.js';
import { UserDirectory } from '../users/user-directory.js';
import { backupCodeHash, newBackupCodes, normalizeBackupCode } from './backup-codes.js';
import type { BackupCodesView, TwoFactorSetupView } from './dto/two-factor.views.js';
import { type FactorSecrets, newFactorSecrets, openFactor, sealFactor } from './factor-seal.js';
import { PasswordProof } from './password-proof.service.js';
import { SecondFactor } from './second-factor.service.js';
import { otpauthUrl } from './totp.js';
import { type Person, type StoredFactor, TwoFactorStore } from './two-factor-store.js';
import { twoFactorMail } from './mails/two-factor-mail.js';

const ISSUER = 'Latchkey';

/** Turning the second factor on and off, and its backup codes. */
@Injectable()
export class TwoFactorService {
  constructor(
    private readonly store: TwoFactorStore,
    private readonly factors: SecondFactor,
    private readonly passwords: PasswordProof,
    private readonly users: UserDirectory,
    private readonly keys: MasterKeys,
    private readonly mailer: Mailer,
    private readonly events: SecurityEvents,
    private readonly clock: Clock,
  ) {}

  /**
   * A new secret that waits for its first code; calling again gives another.
   * @throws ApiError 409 `CONFLICT` when a second factor is on
   */
  async setup(context: RequestContext): Promise<TwoFactorSetupView> {
    const person = begin(context);
    const member = await this.users.findMember(person.teamId, person.userId);
    if (!member) throw new ApiError('UNAUTHENTICATED', 'The session has ended; sign in again.');
    if (member.twoFactorEnabled) throw alreadyOn();
    const secrets = newFactorSecrets();
    const { sealed, masterKeyId } = sealFactor(this.keys, person.userId, secrets);
    const statement = this.store.begin(person.userId, sealed, masterKeyId);
    stage(context, [statement], change(person, 'CREATE', null, { state: 'waiting for the first code' }));
    // A colon parts issuer and account in the address, encoded or not.
    const account = member.user.email.replaceAll(':', '_');
    const url = otpauthUrl({ issuer: ISSUER, account, secret: secrets.secret });
    return {
      secret: secrets.secret,
      otpauthUrl: url,
      qrCode: await toDataURL(url, { errorCorrectionLevel: 'M', width: 320 }),
      qrText: await toText(url, { type: 'utf8', errorCorrectionLevel: 'L' }),
    };
  }

  /**
   * Turns the second factor on with the first code of the app.
   * @throws ApiError 409 `CONFLICT` without a set-up or when it is on, 401 `INVALID_CODE`, 423 and 429 of the lockout
   */
  async enable(context: RequestContext, code: string, request: FastifyRequest): Promise<BackupCodesView> {
    const person = begin(context);
    const factor = await this.store.find(person);
    if (!factor) throw new ApiError('CONFLICT', 'Start at POST /v1/auth/2fa/setup.');
    if (factor.enabled) throw alreadyOn();
    const secrets = await this.factors.proveNew(context, person, factor, {
      code,
      purpose: 'enable',
      request,
    });
    const { backupCodes, statements } = this.newCodes(person, secrets);
    stage(
      context,
      [...this.store.turnOn(person.userId), ...statements],
      change(person, 'UPDATE', { enabled: false }, { enabled: true }),
    );
    this.tell(context, { ...person, email: factor.email }, 'two_factor_enabled');
    return { backupCodes };
  }

  /**
   * Turns the second factor off.
   * @throws ApiError 409 `CONFLICT` when it is off, 401 `INVALID_CREDENTIALS` or `INVALID_CODE`
   */
  async disable(
    context: RequestContext,
    input: { password: string; code: string },
    request: FastifyRequest,
  ): Promise<void> {
    const person = begin(context);
    const { email } = await this.mine(person);
    await this.passwords.prove(context, input.password, request);
    await this.factors.prove(context, person, { code: input.code, purpose: 'disable', request });
    stage(context, this.store.turnOff(person.userId), change(person, 'DELETE', { enabled: true }, null));
    this.tell(context, { ...person, email }, 'two_factor_disabled');
  }

  /**
   * Ten new backup codes; the old ones are void.
   * @throws ApiError 409 `CONFLICT` when the second factor is off, 401 `INVALID_CODE`
   */
  async renewBackupCodes(
    context: RequestContext,
    code: string,
    request: FastifyRequest,
  ): Promise<BackupCodesView> {
    const person = begin(context);
    const factor = await this.mine(person);
    await this.factors.prove(context, person, { code, purpose: 'backup_codes', request });
    const secrets = openFactor(this.keys, person.userId, factor);
    const { backupCodes, statements } = this.newCodes(person, secrets);
    const left = { backupCodesLeft: factor.backupCodesLeft };
    stage(context, statements, change(person, 'UPDATE', left, { backupCodesLeft: backupCodes.length }));
    return { backupCodes };
  }

  /** What the person is told of their second factor. */
  async stateOf(person: Person): Promise<{ enabled: boolean; backupCodesLeft: number }> {
    const factor = await this.store.find(person);
    return factor?.enabled
      ? { enabled: true, backupCodesLeft: factor.backupCodesLeft }
      : { enabled: false, backupCodesLeft: 0 };
  }

  /** The person by mail, in the same transaction, and the officers by an event. */
  private tell(
    context: RequestContext,
    { teamId, userId, email }: Person & { email: string },
    type: 'two_factor_enabled' | 'two_factor_disabled',
  ): void {
    const { ipAddress, userAgent, requestId } = context;
    const content = twoFactorMail(type, { at: this.clock.nowIso(), ipAddress });
    context.work.stage({ statement: this.mailer.send({ to: email, content }), change: null });
    context.work.afterCommit(() =>
      this.events.record({ type, teamId, userId, ipAddress, userAgent, requestId }),
    );
  }

  private async mine(person: Person): Promise<StoredFactor> {
    const factor = await this.store.find(person);
    if (!factor?.enabled) throw new ApiError('CONFLICT', 'Two-factor authentication is off.');
    return factor;
  }

  private newCodes(
    { userId }: Person,
    { pepper }: FactorSecrets,
  ): { backupCodes: string[]; statements: Statement[] } {
    const backupCodes = newBackupCodes();
    const hashes = backupCodes.map((code) =>
      backupCodeHash(pepper, userId, normalizeBackupCode(code) ?? code),
    );
    return { backupCodes, statements: this.store.replaceBackupCodes(userId, hashes) };
  }
}

/** Changes to one person's second factor take turns: what one decides, the next one sees. */
function begin(context: RequestContext): Person {
  const { teamId, userId } = context.principal;
  context.work.lock(`two-factor|${userId}`);
  return { teamId, userId };
}

function stage(context: RequestContext, statements: readonly Statement[], recorded: RecordedChange): void {
  for (const [index, statement] of statements.entries()) {
    context.work.stage({ statement, change: index === 0 ? recorded : null });
  }
}

function change(
  { userId }: Person,
  action: ChangeAction,
  oldValues: Record<string, unknown> | null,
  newValues: Record<string, unknown> | null,
): RecordedChange {
  return {
    id: newId(),
    action,
    resourceType: 'two_factor',
    resourceId: userId,
    oldValues,
    newValues,
    sealed: null,
  };
}

function alreadyOn(): ApiError {
  return new ApiError('CONFLICT', 'Two-factor authentication is on; turn it off first.');
}

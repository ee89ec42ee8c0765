import { Injectable } from '@nestjs/common';
import type { RequestContext } from '../../platform/context/request-context.js';
import { rateLimitSubject } from '../../platform/net/cidr.js';
import { SecurityEvents } from '../../oversight/security-events/security-events.service.js';
import {
  ADDRESS_RULE,
  type AttemptClaim,
  AttemptCounters,
  type AttemptRule,
  CODE_RULE,
} from './attempt-counters.service.js';

/** Failed passwords of one account, by e-mail key, known or not (contract section 2). */
const ACCOUNT_RULE: AttemptRule = {
  bucket: 'account',
  limit: 5,
  seconds: 1800,
  sliding: false,
  refusal: 'ACCOUNT_LOCKED',
  onSuccess: 'reset',
};

/** The same from a browser that signed in to the account before. */
const DEVICE_RULE: AttemptRule = { ...ACCOUNT_RULE, bucket: 'device' };

/** Whose password is being tried. */
export interface LoginSubject {
  readonly emailKey: string;
  /** Null for an e-mail address that nobody has. */
  readonly userId: string | null;
  readonly teamId: string | null;
  /** The known-device token of this user's browser, or null. */
  readonly deviceId: string | null;
}

/**
 * The lock of an account and the limit of an address. A browser that signed in before has tries of its own and passes
 * both, so that strangers cannot lock an owner out.
 */
@Injectable()
export class LoginLockout {
  constructor(
    private readonly attempts: AttemptCounters,
    private readonly events: SecurityEvents,
  ) {}

  /**
   * Evaluates one password attempt; null is a failure and is counted.
   * @throws ApiError 423 `ACCOUNT_LOCKED`, 429 `AUTH_RATE_LIMIT`
   */
  attempt<T>(
    context: RequestContext,
    subject: LoginSubject,
    evaluate: () => Promise<T | null>,
  ): Promise<T | null> {
    const onUsedUp = (): void => this.recordLock(context, subject);
    const account: AttemptClaim = { rule: ACCOUNT_RULE, subject: subject.emailKey, onUsedUp };
    const device = deviceOf(subject);
    if (device !== null) {
      return this.attempts.attempt([{ rule: DEVICE_RULE, subject: device, onUsedUp }], evaluate, [account]);
    }
    return this.attempts.attempt([account, addressClaim(context)], evaluate);
  }

  /**
   * Evaluates one code of a second factor. The account's lock holds here too, but wrong codes have a count of their
   * own; null is a failure.
   * @throws ApiError 423 `ACCOUNT_LOCKED`, 429 `AUTH_RATE_LIMIT`
   */
  attemptCode<T>(
    context: RequestContext,
    subject: LoginSubject & { readonly userId: string },
    evaluate: () => Promise<T | null>,
  ): Promise<T | null> {
    const onUsedUp = (): void => this.recordLock(context, subject);
    const account: AttemptClaim = { rule: ACCOUNT_RULE, subject: subject.emailKey, checkOnly: true };
    const codes: AttemptClaim = { rule: CODE_RULE, subject: subject.userId, onUsedUp };
    const device = deviceOf(subject);
    if (device !== null) {
      const lock: AttemptClaim = { rule: DEVICE_RULE, subject: device, checkOnly: true };
      return this.attempts.attempt([lock, { ...codes, subject: device }], evaluate, [account, codes]);
    }
    return this.attempts.attempt([account, codes, addressClaim(context)], evaluate);
  }

  /** Names an e-mail address in events without telling it. */
  fingerprint(emailKey: string): string {
    return this.attempts.fingerprint({ rule: ACCOUNT_RULE, subject: emailKey });
  }

  private recordLock(context: RequestContext, subject: LoginSubject): void {
    this.events.record({
      type: 'account_locked',
      teamId: subject.teamId,
      userId: subject.userId,
      ipAddress: context.ipAddress,
      userAgent: context.userAgent,
      requestId: context.requestId,
      details: { account: this.fingerprint(subject.emailKey) },
    });
  }
}

/** The bucket of a known browser, or null. */
function deviceOf({ userId, deviceId }: LoginSubject): string | null {
  return userId !== null && deviceId !== null ? `${userId}|${deviceId}` : null;
}

/** Counts this attempt against the address it comes from. */
export function addressClaim(context: RequestContext): AttemptClaim {
  return { rule: ADDRESS_RULE, subject: rateLimitSubject(context.ipAddress) };
}

import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock/clock.js';
import { Config } from '../../platform/config/config.js';
import type { Principal } from '../../platform/context/principal.js';
import { ApiError } from '../../platform/http/api-error.js';
import type { TwoFactorRule } from '../../platform/http/route-metadata.js';
import { PrincipalLoader } from './principal-loader.js';

/** A sign-in or step-up opens the sensitive routes for this long. */
export const FRESH_MS = 10 * 60_000;

/** Whether a session proved itself lately, and has by policy a second factor. */
@Injectable()
export class FreshSession {
  constructor(
    private readonly principals: PrincipalLoader,
    private readonly clock: Clock,
    private readonly config: Config,
  ) {}

  /** @throws ApiError 403 `TWO_FACTOR_REQUIRED` or `STEP_UP_REQUIRED` */
  async expect(principal: Principal, rule: TwoFactorRule): Promise<void> {
    if (this.refusalOf(principal, rule) === null) return;
    // What was cached is good for letting in only: who stepped up a moment ago, on any instance, must not be refused.
    const current =
      principal.sessionId === null
        ? null
        : await this.principals.sessionNow(principal.teamId, principal.sessionId);
    const refusal = this.refusalOf(current ?? principal, rule);
    if (refusal !== null) throw refusal;
  }

  /** The second factor is asked for first: without it no step-up would help. */
  private refusalOf(principal: Principal, rule: TwoFactorRule): ApiError | null {
    if (this.config.requireTwoFactor && concerns(rule, principal) && !principal.twoFactorEnabled) {
      return new ApiError(
        'TWO_FACTOR_REQUIRED',
        'This needs two-factor authentication; turn it on at POST /v1/auth/2fa/setup.',
      );
    }
    const provedAtMs = principal.authenticatedAtMs;
    if (provedAtMs === null || this.clock.nowMs() - provedAtMs > FRESH_MS) {
      return new ApiError('STEP_UP_REQUIRED', 'Prove again that it is you: POST /v1/auth/step-up.');
    }
    return null;
  }
}

function concerns(rule: TwoFactorRule, { role }: Principal): boolean {
  return rule === 'everyone' || (rule === 'managers' && (role === 'owner' || role === 'admin'));
}

import { ApiError, type ErrorDetail, invalidField } from '../../platform/http/api-error.js';
import { cidrProblem, parseCidr } from '../../platform/net/cidr.js';
import { isGrantableToKeys, isScope } from '../scopes/scope-catalogue.js';

export type ApiKeyStatus = 'active' | 'expiring' | 'expired' | 'revoked' | 'rotating';

export const DAY_MS = 86_400_000;
export const HOUR_MS = 3_600_000;
export const DEFAULT_LIFE_DAYS = 90;
export const MAX_LIFE_DAYS = 365;
/** From here on a key is shown as `expiring`; the first warning goes out at the same time. */
export const EXPIRING_DAYS = 7;

interface Lifetime {
  readonly expiresAt: string;
  readonly revokedAt: string | null;
  readonly replacedBy: string | null;
}

/** What a key is now. What refuses it comes first, then what its owner has to act on. */
export function statusOf(key: Lifetime, nowMs: number): ApiKeyStatus {
  const endsAtMs = Date.parse(key.expiresAt);
  if (key.revokedAt !== null) return 'revoked';
  if (endsAtMs <= nowMs) return 'expired';
  if (key.replacedBy !== null) return 'rotating';
  return endsAtMs - nowMs <= EXPIRING_DAYS * DAY_MS ? 'expiring' : 'active';
}

/**
 * The end of a key's life.
 * @throws ApiError 400 when both are given, or the end is past, or more than 365 days ahead
 */
export function expiryOf(
  input: { readonly expiresAt?: string; readonly expiresInDays?: number },
  nowMs: number,
): string {
  if (input.expiresAt !== undefined && input.expiresInDays !== undefined) {
    throw invalidField('expiresAt', 'give expiresAt or expiresInDays, not both');
  }
  const endsAtMs =
    input.expiresAt === undefined
      ? nowMs + (input.expiresInDays ?? DEFAULT_LIFE_DAYS) * DAY_MS
      : Date.parse(input.expiresAt);
  if (!(endsAtMs > nowMs) || endsAtMs > nowMs + MAX_LIFE_DAYS * DAY_MS) {
    throw invalidField('expiresAt', `is in the future, at most ${MAX_LIFE_DAYS} days ahead`);
  }
  return new Date(endsAtMs).toISOString();
}

/** The successor of a rotated key lives as long as that one was made for, from now on. */
export function renewedExpiry(key: { createdAt: string; expiresAt: string }, nowMs: number): string {
  const lifeMs = Date.parse(key.expiresAt) - Date.parse(key.createdAt);
  return new Date(nowMs + Math.min(lifeMs, MAX_LIFE_DAYS * DAY_MS)).toISOString();
}

/** The end of a rotated key: that of the overlap, never later than its own. */
export function overlapEnd(expiresAt: string, overlapHours: number, nowMs: number): string {
  return new Date(Math.min(Date.parse(expiresAt), nowMs + overlapHours * HOUR_MS)).toISOString();
}

/**
 * Who gives scopes to a key must hold them, now.
 * @throws ApiError 400 for a scope that is none or that no key may hold, 403 `INSUFFICIENT_SCOPE` for one the giver lacks
 */
export function assertGrantable(scopes: readonly string[], held: ReadonlySet<string>): void {
  const problems: ErrorDetail[] = scopes.flatMap((scope, index) => {
    const field = `scopes.${index}`;
    if (!isScope(scope)) return [{ field, message: 'is not a scope of GET /v1/scopes' }];
    return isGrantableToKeys(scope) ? [] : [{ field, message: `${scope} cannot be given to a key` }];
  });
  if (problems.length > 0) {
    throw new ApiError('VALIDATION_FAILED', 'The request has invalid fields.', { details: problems });
  }
  const lacking = scopes.filter((scope) => !held.has(scope));
  if (lacking.length > 0) {
    throw new ApiError('INSUFFICIENT_SCOPE', 'You cannot give a key what you do not hold yourself.', {
      details: [
        { field: 'required', message: lacking.join(' ') },
        { field: 'granted', message: [...held].sort().join(' ') },
      ],
    });
  }
}

/**
 * The ranges in their one spelling, each once.
 * @throws ApiError 400 that says for each wrong one why
 */
export function canonicalRanges(texts: readonly string[]): string[] {
  const details = texts.flatMap((text, index) => {
    const problem = cidrProblem(text);
    return problem === null ? [] : [{ field: `allowedIps.${index}`, message: problem }];
  });
  if (details.length > 0) {
    throw new ApiError('VALIDATION_FAILED', 'The request has invalid fields.', { details });
  }
  return [...new Set(texts.flatMap((text) => parseCidr(text)?.text ?? []))];
}

import { Injectable } from '@nestjs/common';
import { InjectThrottlerStorage, type ThrottlerStorage } from '@nestjs/throttler';
import type { FastifyReply } from 'fastify';
import { ApiError } from '../../platform/http/api-error.js';

export interface Limit {
  readonly limit: number;
  readonly windowSeconds: number;
}

export interface Verdict {
  readonly allowed: boolean;
  readonly limit: number;
  readonly remaining: number;
  /** Seconds until the window ends. */
  readonly resetSeconds: number;
}

/** Counts requests by subject, in whatever storage the throttler module was given. */
@Injectable()
export class RateLimiter {
  constructor(@InjectThrottlerStorage() private readonly storage: ThrottlerStorage) {}

  /** Charges one request to the subject. */
  async charge(bucket: string, subject: string, { limit, windowSeconds }: Limit): Promise<Verdict> {
    const ttl = windowSeconds * 1000;
    const hit = await this.storage.increment(`${bucket}:${subject}`, ttl, limit, 0, bucket);
    return {
      allowed: hit.totalHits <= limit,
      limit,
      remaining: Math.max(0, limit - hit.totalHits),
      resetSeconds: hit.timeToExpire,
    };
  }
}

/** The headers of a verdict (draft-ietf-httpapi-ratelimit-headers, field names of the contract). */
export function writeLimitHeaders(reply: FastifyReply, verdict: Verdict): void {
  void reply
    .header('ratelimit-limit', String(verdict.limit))
    .header('ratelimit-remaining', String(verdict.remaining))
    .header('ratelimit-reset', String(verdict.resetSeconds));
}

export function tooMany(verdict: Verdict): ApiError {
  return new ApiError('RATE_LIMIT', `Too many requests; try again in ${verdict.resetSeconds} s.`, {
    headers: { 'retry-after': String(verdict.resetSeconds) },
  });
}

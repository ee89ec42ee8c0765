import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Config } from '../../platform/config/config.js';
import { type ApiError } from '../../platform/http/api-error.js';
import { type RefusalObserver, Refusals } from '../../platform/http/refusals.js';
import { isApiRequest } from '../../platform/http/api-request.js';
import { doneAfter } from '../../platform/http/hook-done.js';
import { rateLimitSubject } from '../../platform/net/cidr.js';
import { RateLimiter, tooMany, writeLimitHeaders } from './rate-limiter.js';

const charged = new WeakSet<FastifyRequest>();

/**
 * The anonymous limit. A request without a credential is charged to its address before anything else happens; one
 * with a credential only when it ends without a principal (bad credential, unknown path, broken body), so that an
 * office behind one address is not stopped by a scanner in it, and a flood of bad keys is stopped like any other.
 */
@Injectable()
export class AddressLimit implements RefusalObserver {
  constructor(
    private readonly limiter: RateLimiter,
    private readonly config: Config,
    refusals: Refusals,
  ) {
    refusals.observe(this);
  }

  /** For the first hook; `done` hears of ApiError 429. Most requests have a credential and wait for nothing here. */
  onRequest(request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void {
    if (presentsCredential(request)) return done();
    void doneAfter(this.chargeOnce(request, reply), done);
  }

  /** For whoever finds out later that a request has no principal. @throws ApiError 429 */
  async chargeOnce(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    if (charged.has(request) || !isApiRequest(request)) return;
    const refusal = await this.charge(request, reply);
    if (refusal) throw refusal;
  }

  async onRefusal(request: FastifyRequest, reply: FastifyReply, error: ApiError): Promise<ApiError> {
    if (charged.has(request) || request.context.principalOrNull || !isApiRequest(request)) return error;
    return (await this.charge(request, reply)) ?? error;
  }

  private async charge(request: FastifyRequest, reply: FastifyReply): Promise<ApiError | null> {
    charged.add(request);
    const subject = rateLimitSubject(request.context.ipAddress);
    const verdict = await this.limiter.charge('address', subject, this.config.anonymousRateLimit);
    writeLimitHeaders(reply, verdict);
    return verdict.allowed ? null : tooMany(verdict);
  }
}

function presentsCredential(request: FastifyRequest): boolean {
  return request.headers.authorization !== undefined || request.headers['x-api-key'] !== undefined;
}

import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Config } from '../../platform/config/config.js';
import type { Principal } from '../../platform/context/principal.js';
import { AddressLimit } from './address-limit.js';
import { type Limit, RateLimiter, tooMany, writeLimitHeaders } from './rate-limiter.js';

/** Global guard after authentication: people by user id, keys by key id. */
@Injectable()
export class PrincipalLimitGuard implements CanActivate {
  constructor(
    private readonly limiter: RateLimiter,
    private readonly addresses: AddressLimit,
    private readonly config: Config,
  ) {}

  async canActivate(execution: ExecutionContext): Promise<boolean> {
    const http = execution.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const principal = request.context.principalOrNull;
    if (!principal) {
      // A public route: a made-up credential must not make its caller uncountable.
      await this.addresses.chargeOnce(request, http.getResponse<FastifyReply>());
      return true;
    }
    const { bucket, subject, limit } = this.limitOf(principal);
    const verdict = await this.limiter.charge(bucket, subject, limit);
    writeLimitHeaders(http.getResponse<FastifyReply>(), verdict);
    if (!verdict.allowed) throw tooMany(verdict);
    return true;
  }

  private limitOf(principal: Principal): { bucket: string; subject: string; limit: Limit } {
    if (principal.apiKeyId === null)
      return { bucket: 'user', subject: principal.userId, limit: this.config.userRateLimit };
    const own = principal.rateLimitPerMinute;
    const limit = own === null ? this.config.apiKeyRateLimit : { limit: own, windowSeconds: 60 };
    return { bucket: 'api-key', subject: principal.apiKeyId, limit };
  }
}

import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
import { Strategy } from 'passport-custom';
import { Clock } from '../../platform/clock/clock.js';
import type { Principal } from '../../platform/context/principal.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import { ApiError } from '../../platform/http/api-error.js';
import { ApiKeyUsage } from '../api-keys/api-key-usage.service.js';
import { ApiKeyWatch } from '../api-keys/api-key-watch.service.js';
import { credentialOf } from './credential.js';
import type { ApiKeyGrant } from './api-key-grant.js';
import { PrincipalLoader } from './principal-loader.js';

/** Passport strategy `api-key`: the key of the request, its state, and the address it comes from. */
@Injectable()
export class ApiKeyStrategy extends PassportStrategy(Strategy, 'api-key') {
  constructor(
    private readonly principals: PrincipalLoader,
    private readonly watch: ApiKeyWatch,
    private readonly usage: ApiKeyUsage,
    private readonly clock: Clock,
  ) {
    super();
  }

  async validate(request: FastifyRequest): Promise<Principal> {
    const credential = credentialOf(request);
    const grant = credential?.kind === 'api_key' ? await this.principals.apiKey(credential.text) : null;
    if (!grant || grant.ownerDisabled) throw new ApiError('UNAUTHENTICATED', 'The API key is not valid.');
    const { context } = request;
    if (grant.revoked) {
      this.watch.usedAfterRevocation(grant, context);
      throw new ApiError('API_KEY_REVOKED', 'The API key was revoked.');
    }
    if (grant.expiresAtMs <= this.clock.nowMs()) {
      throw new ApiError('API_KEY_EXPIRED', 'The API key has expired.');
    }
    this.checkAddress(grant, context);
    this.usage.record(grant, context.ipAddress);
    return grant.principal;
  }

  /** @throws ApiError 403 `IP_NOT_ALLOWED`, unless the key only observes */
  private checkAddress(grant: ApiKeyGrant, context: RequestContext): void {
    if (grant.allowedFrom === null || grant.allowedFrom.has(context.ipAddress)) return;
    const observed = grant.ipMode === 'observe';
    this.watch.addressNotAllowed(grant, context, observed);
    if (!observed) throw new ApiError('IP_NOT_ALLOWED', 'This API key may not be used from this address.');
  }
}

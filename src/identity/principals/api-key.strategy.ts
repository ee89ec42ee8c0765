import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
import { Strategy } from 'passport-custom';
import { credentialOf } from './credential.js';
import { type ApiKeyGrant, PrincipalLoader } from './principal-loader.js';
import type { Principal } from '../../platform/context/principal.js';
import { ApiError } from '../../platform/http/api-error.js';
import { addressList, parseCidr } from '../../platform/net/cidr.js';

/** Passport strategy `api-key`: the key of the request, its state, and the address it comes from. */
@Injectable()
export class ApiKeyStrategy extends PassportStrategy(Strategy, 'api-key') {
  constructor(private readonly principals: PrincipalLoader) {
    super();
  }

  async validate(request: FastifyRequest): Promise<Principal> {
    const credential = credentialOf(request);
    if (credential?.kind !== 'api_key') throw new ApiError('UNAUTHENTICATED', 'The API key is not valid.');
    const grant = await this.principals.apiKey(credential.text);
    if (!addressAllowed(grant, request.context.ipAddress)) {
      throw new ApiError('IP_NOT_ALLOWED', 'This API key may not be used from this address.');
    }
    return grant.principal;
  }
}

function addressAllowed(grant: ApiKeyGrant, address: string): boolean {
  if (grant.allowedIps.length === 0 || grant.ipMode === 'observe') return true;
  const cidrs = grant.allowedIps.flatMap((text) => parseCidr(text) ?? []);
  return addressList(cidrs).has(address);
}

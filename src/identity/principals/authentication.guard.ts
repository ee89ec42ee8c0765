import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import type { Principal } from '../../platform/context/principal.js';
import { ApiError } from '../../platform/http/api-error.js';
import { type Access, ACCESS_KEY } from '../../platform/http/route-metadata.js';
import { type Credential, credentialOf, refuseKeyInUrl } from './credential.js';
import { ApiKeyStrategy } from './api-key.strategy.js';
import { JwtGuard } from './jwt.guard.js';

/** Global guard, first of all: every route but the public ones has a principal behind it. */
@Injectable()
export class AuthenticationGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly jwt: JwtGuard,
    private readonly apiKey: ApiKeyStrategy,
  ) {}

  async canActivate(execution: ExecutionContext): Promise<boolean> {
    const access = this.reflector.get<Access | undefined>(ACCESS_KEY, execution.getHandler());
    const request = execution.switchToHttp().getRequest<FastifyRequest & { user?: Principal }>();
    refuseKeyInUrl(request.url);
    if (access?.kind === 'public') return true;
    const credential = credentialOf(request);
    if (!credential) throw new ApiError('UNAUTHENTICATED', 'Sign in, or send an API key.');
    request.context.authenticate(await this.principalOf(credential, execution, request));
    return true;
  }

  /** A key is a look-up, which passport's middleware around the strategy would cost more than; a token is for passport to take apart. */
  private async principalOf(
    credential: Credential,
    execution: ExecutionContext,
    request: FastifyRequest & { user?: Principal },
  ): Promise<Principal> {
    if (credential.kind === 'api_key') return this.apiKey.validate(request);
    await this.jwt.canActivate(execution);
    if (!request.user) throw new ApiError('UNAUTHENTICATED', 'Sign in, or send an API key.');
    return request.user;
  }
}

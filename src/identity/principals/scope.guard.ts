import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import type { Principal } from '../../platform/context/principal.js';
import { ApiError } from '../../platform/http/api-error.js';
import { type Access, ACCESS_KEY, USERS_ONLY_KEY } from '../../platform/http/route-metadata.js';

/** Global guard: the route's scope must be among the caller's. A route that declares nothing is refused. */
@Injectable()
export class ScopeGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(execution: ExecutionContext): boolean {
    const handler = execution.getHandler();
    const access = this.reflector.get<Access | undefined>(ACCESS_KEY, handler);
    if (!access) throw new ApiError('FORBIDDEN', 'This route is not open to anyone.');
    if (access.kind === 'public') return true;
    const { principal } = execution.switchToHttp().getRequest<FastifyRequest>().context;
    if (principal.kind !== 'user' && this.reflector.get<boolean | undefined>(USERS_ONLY_KEY, handler)) {
      throw new ApiError(
        'FORBIDDEN',
        'This route is for signed-in people with a session of their own; API keys cannot use it.',
      );
    }
    if (access.kind === 'platform') return assertPlatformAdmin(principal);
    // Inside somebody else's team only what a scope opens is open.
    if (access.kind === 'authenticated' && principal.kind === 'break_glass')
      throw insufficientScope('a session of your own', principal.scopes);
    if (access.kind === 'authenticated' || principal.scopes.has(access.scope)) return true;
    throw insufficientScope(access.scope, principal.scopes);
  }
}

/** A second factor is mandatory here, whatever `REQUIRE_2FA` says. */
function assertPlatformAdmin(principal: Principal): true {
  if (!principal.platformAdmin) throw new ApiError('FORBIDDEN', 'This is for platform admins.');
  if (principal.twoFactorEnabled) return true;
  throw new ApiError(
    'TWO_FACTOR_REQUIRED',
    'Platform admins need two-factor authentication; turn it on first.',
  );
}

/** 403 that names what was needed and what is there, so that an integrator can mend the key. */
export function insufficientScope(required: string, granted: ReadonlySet<string>): ApiError {
  return new ApiError('INSUFFICIENT_SCOPE', `This needs the scope ${required}.`, {
    details: [
      { field: 'required', message: required },
      { field: 'granted', message: [...granted].sort().join(' ') },
    ],
  });
}

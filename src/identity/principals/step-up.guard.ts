import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { STEP_UP_KEY, type TwoFactorRule } from '../../platform/http/route-metadata.js';
import { FreshSession } from './fresh-session.service.js';

/** Global guard, after the scopes: sensitive routes need a session that proved itself lately, and by policy a second factor. */
@Injectable()
export class StepUpGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly sessions: FreshSession,
  ) {}

  async canActivate(execution: ExecutionContext): Promise<boolean> {
    const rule = this.reflector.get<TwoFactorRule | undefined>(STEP_UP_KEY, execution.getHandler());
    if (rule === undefined) return true;
    const { principal } = execution.switchToHttp().getRequest<FastifyRequest>().context;
    await this.sessions.expect(principal, rule);
    return true;
  }
}

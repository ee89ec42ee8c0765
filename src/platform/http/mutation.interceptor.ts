import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { UnitRunner } from './unit-runner.js';

/**
 * Gives every handler that is not a GET its unit of work, and commits it after the handler has succeeded.
 * The audit rows are part of that commit: a change and its record are one transaction.
 */
@Injectable()
export class UnitOfWorkInterceptor implements NestInterceptor {
  constructor(private readonly units: UnitRunner) {}

  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = execution.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    if (request.method === 'GET' || request.method === 'HEAD') return next.handle();
    const reply = http.getResponse<FastifyReply>();
    return from(
      this.units.answer(
        request.context,
        () => reply.statusCode,
        () => lastValueFrom(next.handle(), { defaultValue: undefined }),
      ),
    );
  }
}

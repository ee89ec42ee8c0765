import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { Idempotency } from './idempotency/idempotency.js';
import { UnitRunner } from './unit-runner.js';

/**
 * Gives every handler that is not a GET its unit of work, and commits it after the handler has succeeded.
 * The audit rows are part of that commit: a change and its record are one transaction. Under an `Idempotency-Key` the whole of it
 * happens once. It is one interceptor, not two, because Nest builds several observables for each.
 */
@Injectable()
export class MutationInterceptor implements NestInterceptor {
  constructor(
    private readonly units: UnitRunner,
    private readonly idempotency: Idempotency,
  ) {}

  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = execution.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    if (request.method === 'GET' || request.method === 'HEAD') return next.handle();
    const reply = http.getResponse<FastifyReply>();
    const handle = () => lastValueFrom(next.handle(), { defaultValue: undefined });
    const carryOut = () => this.units.answer(request.context, () => reply.statusCode, handle);
    return from(this.idempotency.once({ request, reply, handler: execution.getHandler() }, carryOut));
  }
}

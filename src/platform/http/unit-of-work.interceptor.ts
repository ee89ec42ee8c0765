import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { from, lastValueFrom, type Observable } from 'rxjs';
import type { RequestContext } from '../context/request-context.js';
import { type Actor, ChangeRecorder } from '../database/change-recorder.js';
import { Database } from '../database/database.js';
import { StaleWriteError } from '../database/database-errors.js';
import { UnitOfWork } from '../database/unit-of-work.js';

/** How often a handler is started again when another writer was faster, before the client hears 409. */
const MAX_ATTEMPTS = 8;
const MAX_PAUSE_MS = 25;

/**
 * Gives every handler that is not a GET its unit of work, and commits it after the handler has succeeded.
 * The audit rows are part of that commit: a change and its record are one transaction.
 */
@Injectable()
export class UnitOfWorkInterceptor implements NestInterceptor {
  constructor(
    private readonly database: Database,
    private readonly recorder: ChangeRecorder,
  ) {}

  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = execution.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    if (request.method === 'GET' || request.method === 'HEAD') return next.handle();
    return from(this.run(request.context, http.getResponse<FastifyReply>(), next));
  }

  private async run(context: RequestContext, reply: FastifyReply, next: CallHandler): Promise<unknown> {
    for (let attempt = 1; ; attempt++) {
      const work = this.begin(context);
      const body: unknown = await lastValueFrom(next.handle(), { defaultValue: undefined });
      try {
        await work.commit({ statusCode: reply.statusCode, body });
        return body;
      } catch (error) {
        if (!(error instanceof StaleWriteError) || attempt === MAX_ATTEMPTS) throw error;
        await new Promise((resolve) => setTimeout(resolve, Math.random() * MAX_PAUSE_MS * attempt));
      }
    }
  }

  private begin(context: RequestContext): UnitOfWork {
    const caller = context.principalOrNull;
    const tenant = caller ? { teamId: caller.teamId, userId: caller.userId } : null;
    const work: UnitOfWork = new UnitOfWork(
      this.database,
      this.recorder,
      () => actorOf(context, work),
      tenant,
    );
    if (context.idempotency) work.storeAnswer(context.idempotency);
    context.beginWork(work);
    return work;
  }
}

function actorOf(context: RequestContext, work: UnitOfWork): Actor {
  const caller = context.principalOrNull;
  return {
    teamId: work.scope.teamId,
    userId: work.scope.userId,
    apiKeyId: caller?.apiKeyId ?? null,
    authMethod: caller?.authMethod ?? 'jwt',
    ipAddress: context.ipAddress,
    userAgent: context.userAgent,
    requestId: context.requestId,
  };
}

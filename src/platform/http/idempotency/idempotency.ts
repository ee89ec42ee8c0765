import { createHash, randomUUID } from 'node:crypto';
import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { from, lastValueFrom, type Observable } from 'rxjs';
import type { Principal } from '../../context/principal.js';
import { ApiError, invalidField } from '../api-error.js';
import { SECRET_ANSWER_KEY } from './idempotency-metadata.js';
import { type Claim, type EarlierRequest, IdempotencyStore } from './idempotency.store.js';

/**
 * `Idempotency-Key` on POST: the first answer is stored in the transaction of the change and replayed for
 * 24 h. The scope is principal, team, path and key; the body must be the same. A caller who lost a scope meanwhile gets no
 * stored answer: it shows what was visible then.
 */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(
    private readonly store: IdempotencyStore,
    private readonly reflector: Reflector,
  ) {}

  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = execution.switchToHttp().getRequest<FastifyRequest>();
    const key = request.headers['idempotency-key'];
    const principal = request.context.principalOrNull;
    if (key === undefined || request.method !== 'POST' || principal === null || isAuthRoute(request))
      return next.handle();
    if (typeof key !== 'string' || key.length < 1 || key.length > 255) {
      throw invalidField('Idempotency-Key', 'is 1 to 255 characters');
    }
    const reply = execution.switchToHttp().getResponse<FastifyReply>();
    const secret =
      this.reflector.get<boolean | undefined>(SECRET_ANSWER_KEY, execution.getHandler()) ?? false;
    return from(this.once(request, reply, next, claimOf(request, principal, key, secret)));
  }

  private async once(
    request: FastifyRequest,
    reply: FastifyReply,
    next: CallHandler,
    claim: Claim,
  ): Promise<unknown> {
    const earlier = await this.store.claim(claim);
    if ('answer' in earlier) return replay(earlier, claim, reply);
    request.context.idempotency = {
      finished: earlier.finished,
      step: (position, result) => this.store.step(claim, position, result),
      held: () => this.store.holds(claim),
      completion: (answer) => this.store.completion(claim, answer),
    };
    try {
      return await lastValueFrom(next.handle(), { defaultValue: undefined });
    } catch (error) {
      // Nothing was committed, so the key is free again: a corrected request may use it. After steps it waits for the same one.
      await this.store.release(claim);
      throw error;
    }
  }
}

function isAuthRoute(request: FastifyRequest): boolean {
  return (request.routeOptions.url ?? '').startsWith('/v1/auth/');
}

function claimOf(request: FastifyRequest, principal: Principal, key: string, secretAnswer: boolean): Claim {
  const path = request.url.split('?', 1)[0];
  const caller = principal.apiKeyId ?? principal.userId;
  return {
    id: randomUUID(),
    scope: { teamId: principal.teamId, userId: principal.userId },
    scopeHash: digest(`${caller}\0${principal.teamId}\0${path}\0${key}`),
    requestHash: digest(`${request.url}\0${JSON.stringify(request.body ?? null)}`),
    scopes: principal.scopes,
    secretAnswer,
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function replay(earlier: EarlierRequest, claim: Claim, reply: FastifyReply): unknown {
  if (!earlier.requestHash.equals(claim.requestHash)) {
    throw new ApiError('IDEMPOTENCY_MISMATCH', 'This Idempotency-Key was used with another request.');
  }
  if (earlier.answer === 'running') {
    throw new ApiError(
      'IDEMPOTENCY_IN_PROGRESS',
      'The first request with this Idempotency-Key is still running.',
      {
        headers: { 'retry-after': '1' },
      },
    );
  }
  if (earlier.answer === 'secret') {
    throw new ApiError(
      'CONFLICT',
      'The first answer carried a secret and is not kept; the request was carried out once.',
    );
  }
  if (earlier.answer === 'lost') {
    throw new ApiError(
      'CONFLICT',
      'The first answer may show what you no longer have the scopes for; the request was carried out once.',
    );
  }
  void reply.status(earlier.answer.statusCode).header('idempotency-replayed', 'true');
  return earlier.answer.body;
}

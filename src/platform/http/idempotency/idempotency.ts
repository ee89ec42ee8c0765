import { createHash, randomUUID } from 'node:crypto';
import { type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Principal } from '../../context/principal.js';
import { ApiError, invalidField } from '../api-error.js';
import { SECRET_ANSWER_KEY } from './idempotency-metadata.js';
import { type Claim, type EarlierRequest, IdempotencyStore } from './idempotency.store.js';

/** A request that changes something, and the handler that it goes to. */
export interface Mutation {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly handler: ReturnType<ExecutionContext['getHandler']>;
}

/**
 * `Idempotency-Key` on POST: the first answer is stored in the transaction of the change and replayed for
 * 24 h. The scope is principal, team, path and key; the body must be the same. A caller who lost a scope meanwhile gets no
 * stored answer: it shows what was visible then.
 */
@Injectable()
export class Idempotency {
  constructor(
    private readonly store: IdempotencyStore,
    private readonly reflector: Reflector,
  ) {}

  /**
   * Carries the mutation out, or answers as it was answered before.
   * @throws ApiError 400 for a key that is none, 422 for one that was used with another request, 409 while that is running
   */
  async once(mutation: Mutation, carryOut: () => Promise<unknown>): Promise<unknown> {
    const { request } = mutation;
    const key = request.headers['idempotency-key'];
    const principal = request.context.principalOrNull;
    if (key === undefined || request.method !== 'POST' || principal === null || isAuthRoute(request))
      return carryOut();
    if (typeof key !== 'string' || key.length < 1 || key.length > 255) {
      throw invalidField('Idempotency-Key', 'is 1 to 255 characters');
    }
    const secret = this.reflector.get<boolean | undefined>(SECRET_ANSWER_KEY, mutation.handler) ?? false;
    return this.claimed(mutation, claimOf(request, principal, key, secret), carryOut);
  }

  private async claimed(
    { request, reply }: Mutation,
    claim: Claim,
    carryOut: () => Promise<unknown>,
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
      return await carryOut();
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

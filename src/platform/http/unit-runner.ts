import { Injectable } from '@nestjs/common';
import type { RequestContext } from '../context/request-context.js';
import { type Actor, ChangeRecorder } from '../database/change-recorder.js';
import { Database } from '../database/database.js';
import { StaleWriteError } from '../database/database-errors.js';
import type { Statement } from '../database/statement.js';
import { type Answer, UnitOfWork } from '../database/unit-of-work.js';
import { ApiError } from './api-error.js';

/** How often work is started again when another writer was faster, before the client hears 409. */
const MAX_ATTEMPTS = 8;
const MAX_PAUSE_MS = 25;

/** Runs work in a unit of its own and commits it; work that met a faster writer is started again. */
@Injectable()
export class UnitRunner {
  constructor(
    private readonly database: Database,
    private readonly recorder: ChangeRecorder,
  ) {}

  /** The request's own unit: the answer is stored with it under the client's idempotency key. */
  async answer(context: RequestContext, statusCode: () => number, work: () => Promise<unknown>) {
    return this.run(context, work, (unit) => {
      const { idempotency } = context;
      if (idempotency) unit.storeAnswer((answer) => idempotency.completion(answer));
      return statusCode;
    });
  }

  /**
   * One step of a request that commits in steps. Under an idempotency key a step that is committed is not done again,
   * however often the request is repeated or starts anew: its result comes from where the commit left it.
   */
  async step<T>(context: RequestContext, position: number, work: () => Promise<T>): Promise<T> {
    const { idempotency } = context;
    if (!idempotency) return this.apart(context, work);
    if (idempotency.finished.has(position)) return idempotency.finished.get(position) as T;
    const result = await this.apart(context, work, ({ body }) => idempotency.step(position, body)).catch(
      async (error: unknown) => {
        if (error instanceof StaleWriteError && !(await idempotency.held())) throw takenOver();
        throw error;
      },
    );
    idempotency.finished.set(position, result);
    return result;
  }

  /** A unit inside the request, committed by itself; the request's own unit is back afterwards. */
  async apart<T>(
    context: RequestContext,
    work: () => Promise<T>,
    alongside?: (answer: Answer) => Statement,
  ): Promise<T> {
    const outer = context.work;
    try {
      return await this.run(context, work, (unit) => {
        if (alongside) unit.storeAnswer(alongside);
        return () => 200;
      });
    } finally {
      context.beginWork(outer);
    }
  }

  /** A unit of a job, which has no request around it. */
  alone<T>(context: RequestContext, work: () => Promise<T>): Promise<T> {
    return this.run(context, work, () => () => 200);
  }

  /** Does the work without writing any of it. */
  rehearse<T>(context: RequestContext, work: () => Promise<T>): Promise<T> {
    this.begin(context);
    return work();
  }

  private async run<T>(
    context: RequestContext,
    work: () => Promise<T>,
    prepare: (unit: UnitOfWork) => () => number,
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const unit = this.begin(context);
      const statusCode = prepare(unit);
      const body = await work();
      try {
        await unit.commit({ statusCode: statusCode(), body });
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
    const unit: UnitOfWork = new UnitOfWork(
      this.database,
      this.recorder,
      () => actorOf(context, unit),
      tenant,
    );
    context.beginWork(unit);
    return unit;
  }
}

/** Ends the whole request: whoever holds the key now does the rest. */
function takenOver(): ApiError {
  return new ApiError('UNAVAILABLE', 'Another request with this Idempotency-Key took over; ask again.', {
    headers: { 'retry-after': '1' },
  });
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

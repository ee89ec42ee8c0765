import { Injectable } from '@nestjs/common';
import type { RequestContext } from '../context/request-context.js';
import { type Actor, ChangeRecorder } from '../database/change-recorder.js';
import { Database } from '../database/database.js';
import { StaleWriteError } from '../database/database-errors.js';
import { UnitOfWork } from '../database/unit-of-work.js';

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
      if (context.idempotency) unit.storeAnswer(context.idempotency);
      return statusCode;
    });
  }

  /** A unit inside the request, committed by itself; the request's own unit is back afterwards. */
  async apart<T>(context: RequestContext, work: () => Promise<T>): Promise<T> {
    const outer = context.work;
    try {
      return await this.run(context, work, () => () => 200);
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

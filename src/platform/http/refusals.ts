import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ApiError } from './api-error.js';

/** Sees every refusal before it is sent, and may replace it (a flood of failures becomes 429). */
export interface RefusalObserver {
  onRefusal(request: FastifyRequest, reply: FastifyReply, error: ApiError): Promise<ApiError> | ApiError;
}

/** Sees the refusal that is sent in the end. It must neither wait nor throw. */
export interface RefusalRecorder {
  recordRefusal(request: FastifyRequest, error: ApiError): void;
}

/** Who looks at refusals. Observers run first, in the order of their registration; recorders see the outcome. */
@Injectable()
export class Refusals {
  private readonly observers: RefusalObserver[] = [];
  private readonly recorders: RefusalRecorder[] = [];

  observe(observer: RefusalObserver): void {
    this.observers.push(observer);
  }

  record(recorder: RefusalRecorder): void {
    this.recorders.push(recorder);
  }

  /** The error that the client gets. */
  async pass(request: FastifyRequest, reply: FastifyReply, first: ApiError): Promise<ApiError> {
    let error = first;
    for (const observer of this.observers) error = await observer.onRefusal(request, reply, error);
    for (const recorder of this.recorders) recorder.recordRefusal(request, error);
    return error;
  }
}

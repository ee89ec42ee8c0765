import { type ArgumentsHost, Catch, type ExceptionFilter, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { RequestContext } from '../context/request-context.js';
import { Log } from '../logging/log.js';
import type { ApiError } from './api-error.js';
import { toApiError } from './error-mapping.js';
import { Refusals } from './refusals.js';
import { brokeOff, isUnheard } from './request-end.js';

/** The one way an error leaves the process. */
@Injectable()
@Catch()
export class ApiExceptionFilter implements ExceptionFilter {
  constructor(
    private readonly log: Log,
    private readonly refusals: Refusals,
  ) {}

  async catch(exception: unknown, host: ArgumentsHost): Promise<void> {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    if (reply.sent || reply.raw.headersSent) {
      // The answer is under way (a stream broke): cutting the connection is the only honest signal left.
      this.log.error(
        { err: exception, requestId: request.context?.requestId },
        'failed after the headers were sent',
      );
      brokeOff(request.raw);
      reply.raw.destroy();
      return;
    }
    if (isBrokenBody(exception) && isUnheard(request.raw)) return;
    const error = await this.refusals.pass(request, reply, toApiError(exception));
    if (error.status >= 500) {
      this.log.error(
        { err: error.cause ?? error, requestId: request.context.requestId, code: error.code },
        'request failed',
      );
    }
    for (const [name, value] of Object.entries(error.headers)) void reply.header(name, value);
    const problem = (request.headers.accept ?? '').includes('application/problem+json');
    void reply
      .status(error.status)
      .header(
        'content-type',
        problem ? 'application/problem+json; charset=utf-8' : 'application/json; charset=utf-8',
      )
      .send(problem ? problemBody(error, request.context) : errorBody(error, request.context));
  }
}

/** What reading a body says whose sender is gone: no failure of ours, and the request has its line. */
function isBrokenBody(exception: unknown): boolean {
  return (exception as { code?: unknown } | null)?.code === 'ECONNRESET';
}

export function errorBody(error: ApiError, context: RequestContext): object {
  return {
    success: false,
    error: {
      code: error.code,
      message: error.message,
      ...(error.details ? { details: error.details } : {}),
      requestId: context.requestId,
    },
  };
}

/** The same facts as RFC 9457 wants them. */
function problemBody(error: ApiError, context: RequestContext): object {
  return {
    type: 'about:blank',
    title: error.message,
    status: error.status,
    code: error.code,
    ...(error.details ? { errors: error.details } : {}),
    instance: `urn:request:${context.requestId}`,
    requestId: context.requestId,
  };
}

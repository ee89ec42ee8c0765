import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { RequestContext } from '../context/request-context.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the first hook of every request. */
    context: RequestContext;
  }
}

/** The request's context, as a handler's argument. */
export const Ctx = createParamDecorator(
  (_: unknown, execution: ExecutionContext): RequestContext =>
    execution.switchToHttp().getRequest<FastifyRequest>().context,
);

/** The `If-Match` header, or null. */
export const IfMatch = createParamDecorator((_: unknown, execution: ExecutionContext): string | null => {
  const value = execution.switchToHttp().getRequest<FastifyRequest>().headers['if-match'];
  return typeof value === 'string' ? value : null;
});

import type { FastifyInstance } from 'fastify';
import { ApiError } from './api-error.js';

/**
 * Takes `Content-Type: application/json` with nothing behind it for no body: many clients send the header with every
 * POST, also where a route wants none. A route that wants one still refuses. Broken JSON gets its code here, because
 * Nest makes a plain 400 of Fastify's own error.
 */
export function installJsonParser(fastify: FastifyInstance): void {
  const parse = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeContentTypeParser('application/json');
  fastify.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    const text = body.toString();
    if (text === '') {
      done(null, undefined);
      return;
    }
    void parse(request, text, (cause, value: unknown) => {
      if (cause) done(new ApiError('MALFORMED_JSON', 'The body is not valid JSON.', { cause }));
      else done(null, value);
    });
  });
}

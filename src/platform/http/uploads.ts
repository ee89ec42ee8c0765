import multipart from '@fastify/multipart';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { ApiError } from './api-error.js';

const MAX_FILE_BYTES = 50 * 1024 * 1024;
const MAX_FIELD_BYTES = 100_000;

/** The routes that take files. */
export function isUpload(request: FastifyRequest): boolean {
  return (request.routeOptions.url ?? '').endsWith('/import');
}

/** Lets forms with files in, on the import routes alone: a form is what a page of another site can send without asking. */
export async function installUploads(app: NestFastifyApplication): Promise<void> {
  await app.register(multipart, {
    limits: { fileSize: MAX_FILE_BYTES, files: 1, fields: 10, fieldSize: MAX_FIELD_BYTES, parts: 11 },
    throwFileSizeLimit: false,
  });
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('preParsing', (request, _reply, _payload, done) => {
    const isForm = /^multipart\//i.test(request.headers['content-type'] ?? '');
    done(isForm && !isUpload(request) ? new ApiError('UNSUPPORTED_MEDIA_TYPE', 'Send JSON.') : null);
  });
}

import { HttpException } from '@nestjs/common';
import {
  DatabaseUnavailableError,
  isPgError,
  SQLSTATE,
  StaleWriteError,
} from '../database/database-errors.js';
import { ApiError, type ErrorCode } from './api-error.js';

/**
 * The mark of an error that says "full, come back": whatever floor throws it, the client hears 503 with
 * `Retry-After`. An interface, because this floor may not know the classes of the floors above.
 */
export interface BusyError extends Error {
  readonly retryAfterSeconds: number;
}

function isBusy(error: unknown): error is BusyError {
  return error instanceof Error && typeof (error as Partial<BusyError>).retryAfterSeconds === 'number';
}

const CODE_OF_STATUS: Partial<Record<number, ErrorCode>> = {
  400: 'VALIDATION_FAILED',
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  405: 'NOT_FOUND',
  409: 'CONFLICT',
  412: 'PRECONDITION_FAILED',
  413: 'PAYLOAD_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  429: 'RATE_LIMIT',
  503: 'UNAVAILABLE',
};

const UNAVAILABLE_MESSAGE = 'The service is not available at the moment; try again shortly.';

const PUBLIC_MESSAGE: Partial<Record<ErrorCode, string>> = {
  VALIDATION_FAILED: 'The request is not valid.',
  NOT_FOUND: 'There is no such resource.',
  PAYLOAD_TOO_LARGE: 'The body is larger than this route accepts.',
  UNSUPPORTED_MEDIA_TYPE: 'Send JSON, with Content-Type: application/json.',
  UNAVAILABLE: UNAVAILABLE_MESSAGE,
};

/** The one place that decides what a client learns of an error. Anything unknown is `INTERNAL` and says nothing. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof DatabaseUnavailableError) return unavailable(error);
  if (isBusy(error)) return unavailable(error, error.retryAfterSeconds);
  if (error instanceof StaleWriteError) {
    return new ApiError('CONFLICT', 'The resource is being changed by others; try again.', { cause: error });
  }
  if (isPgError(error)) return fromPostgres(error);
  const status = error instanceof HttpException ? error.getStatus() : fastifyStatus(error);
  const code = status === null ? undefined : CODE_OF_STATUS[status];
  if (code) return new ApiError(code, PUBLIC_MESSAGE[code] ?? 'The request was refused.', { cause: error });
  return internal(error);
}

function fromPostgres(error: Error & { code: string }): ApiError {
  // NUL bytes and unpaired surrogates pass JSON but not PostgreSQL; they are the client's.
  if (['22021', '22P05', '22P02', '22003', '22007', '22008'].includes(error.code)) {
    return new ApiError('VALIDATION_FAILED', 'The request holds a value that cannot be stored.', {
      cause: error,
    });
  }
  // A primary that was demoted under us refuses writes until the connection is made anew.
  if (
    error.code === SQLSTATE.queryCanceled ||
    error.code === SQLSTATE.readOnly ||
    /^(08|57P|53)/.test(error.code)
  )
    return unavailable(error);
  return internal(error);
}

function unavailable(cause: unknown, retryAfterSeconds = 1): ApiError {
  const headers = { 'retry-after': String(retryAfterSeconds) };
  return new ApiError('UNAVAILABLE', UNAVAILABLE_MESSAGE, { cause, headers });
}

function internal(cause: unknown): ApiError {
  return new ApiError(
    'INTERNAL',
    'Something went wrong on our side. Quote the request id when you ask about it.',
    { cause },
  );
}

/** Fastify's own errors carry `statusCode` and a code `FST_…`; other libraries' status is not ours to repeat. */
function fastifyStatus(error: unknown): number | null {
  const { code, statusCode } = (error ?? {}) as { code?: unknown; statusCode?: unknown };
  return typeof code === 'string' && code.startsWith('FST_') && typeof statusCode === 'number'
    ? statusCode
    : null;
}

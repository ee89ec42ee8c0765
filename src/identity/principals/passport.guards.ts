import { Injectable } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { ApiError } from '../../platform/http/api-error.js';

/** What passport found, or the refusal that the client sees. */
function principalOrRefusal<T>(error: unknown, user: T | false, info: unknown): T {
  if (error instanceof ApiError) throw error;
  if (user) return user;
  const expired = info instanceof Error && info.name === 'TokenExpiredError';
  // A failure that is no ApiError and no verdict of the library (the database is away) stays what it is.
  if (error instanceof Error && error.message !== 'unknown key') throw error;
  throw expired
    ? new ApiError('TOKEN_EXPIRED', 'The access token has expired; refresh it.')
    : new ApiError('UNAUTHENTICATED', 'The access token is not valid.');
}

@Injectable()
export class JwtGuard extends AuthGuard('jwt') {
  override handleRequest<T>(error: unknown, user: T | false, info: unknown): T {
    return principalOrRefusal(error, user, info);
  }
}

@Injectable()
export class ApiKeyGuard extends AuthGuard('api-key') {
  override handleRequest<T>(error: unknown, user: T | false, info: unknown): T {
    return principalOrRefusal(error, user, info);
  }
}

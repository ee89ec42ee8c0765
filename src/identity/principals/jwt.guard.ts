import { Injectable } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import passport from 'passport';
import { ApiError } from '../../platform/http/api-error.js';
import { JwtStrategy } from './jwt.strategy.js';

let registered = 0;

/**
 * Passport keeps the strategies of a process in one table by name. Under the bare name a second application in the
 * process would answer for the first, with its own database.
 */
function ownStrategyName(strategy: JwtStrategy): string {
  const name = `latchkey-${++registered}`;
  passport.use(name, strategy);
  return name;
}

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
export class JwtGuard extends AuthGuard() {
  constructor(strategy: JwtStrategy) {
    super({ defaultStrategy: ownStrategyName(strategy) });
  }

  override handleRequest<T>(error: unknown, user: T | false, info: unknown): T {
    return principalOrRefusal(error, user, info);
  }
}

import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { isUUID } from 'class-validator';
import { ExtractJwt, Strategy } from 'passport-jwt';
import type { Principal } from '../../platform/context/principal.js';
import { ApiError } from '../../platform/http/api-error.js';
import { type AccessClaims, AccessTokens, ALGORITHM, AUDIENCE, ISSUER } from '../auth/access-tokens.js';
import { PrincipalLoader } from './principal-loader.js';

/** Passport strategy `jwt`: a signed token of ours, whose session, membership and role are still what it says. */
@Injectable()
export class JwtStrategy extends PassportStrategy(Strategy, 'jwt') {
  constructor(
    tokens: AccessTokens,
    private readonly principals: PrincipalLoader,
  ) {
    super({
      jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
      secretOrKeyProvider: (
        _request: unknown,
        token: string,
        done: (error: Error | null, secret?: string) => void,
      ) => {
        const secret = tokens.secretFor(token);
        if (secret === null) done(new Error('unknown key'));
        else done(null, secret);
      },
      // One algorithm, pinned: a token cannot choose how it is checked (RFC 8725, section 3.1).
      algorithms: [ALGORITHM],
      issuer: ISSUER,
      audience: AUDIENCE,
      ignoreExpiration: false,
    });
  }

  async validate(claims: AccessClaims): Promise<Principal> {
    const principal =
      isUUID(claims.team) && isUUID(claims.sid)
        ? await this.principals.session(claims.team, claims.sid)
        : null;
    if (!principal || principal.userId !== claims.sub || principal.role !== claims.role) {
      throw new ApiError('UNAUTHENTICATED', 'The session has ended or changed; refresh or sign in again.');
    }
    return principal;
  }
}

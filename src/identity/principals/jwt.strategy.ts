import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { isUUID } from 'class-validator';
import { ExtractJwt, Strategy } from 'passport-jwt';
import type { Principal } from '../../platform/context/principal.js';
import { ApiError } from '../../platform/http/api-error.js';
import { type AccessClaims, AccessTokens, ALGORITHM, AUDIENCE, ISSUER } from '../auth/access-tokens.js';
import { BreakGlassPrincipals } from './break-glass-principals.js';
import { PrincipalLoader } from './principal-loader.js';

/** Passport strategy `jwt`: a signed token of ours, whose session, membership and role are still what it says. */
@Injectable()
export class JwtStrategy extends PassportStrategy(Strategy, 'jwt') {
  constructor(
    tokens: AccessTokens,
    private readonly principals: PrincipalLoader,
    private readonly breakGlass: BreakGlassPrincipals,
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
    const principal = await this.principalOf(claims);
    if (!principal || principal.userId !== claims.sub || principal.role !== claims.role) {
      throw new ApiError('UNAUTHENTICATED', 'The session has ended or changed; refresh or sign in again.');
    }
    return principal;
  }

  private async principalOf(claims: AccessClaims): Promise<Principal | null> {
    if (!isUUID(claims.team) || !isUUID(claims.sid)) return null;
    if (claims.act === undefined) return this.principals.session(claims.team, claims.sid);
    return isUUID(claims.act.sub) ? this.breakGlass.find(claims.team, claims.sid, claims.act.sub) : null;
  }
}

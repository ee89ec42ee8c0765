import { Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import type { FastifyRequest } from 'fastify';
import { type AccessClaims, AccessTokens, ALGORITHM, AUDIENCE, ISSUER } from '../auth/access-tokens.js';
import { credentialOf } from './credential.js';
import { PrincipalLoader } from './principal-loader.js';

export interface BearerSession {
  readonly teamId: string;
  readonly sessionId: string;
  readonly userId: string;
  /** When its person last proved who they are, milliseconds since 1970. */
  readonly authenticatedAtMs: number;
}

/** The session behind a bearer token, on routes that are public because the token may be missing. */
@Injectable()
export class BearerSessions {
  constructor(
    private readonly tokens: AccessTokens,
    private readonly jwt: JwtService,
    private readonly principals: PrincipalLoader,
  ) {}

  /** Null when there is no token, or it is no longer good. */
  async of(request: FastifyRequest): Promise<BearerSession | null> {
    const credential = credentialOf(request);
    if (credential?.kind !== 'jwt') return null;
    const secret = this.tokens.secretFor(credential.text);
    if (secret === null) return null;
    const options = { secret, algorithms: [ALGORITHM as 'HS256'], issuer: ISSUER, audience: AUDIENCE };
    const claims = await this.jwt.verifyAsync<AccessClaims>(credential.text, options).catch(() => null);
    const principal = claims && (await this.principals.session(claims.team, claims.sid));
    if (!principal || principal.authenticatedAtMs === null) return null;
    const { teamId, userId, authenticatedAtMs } = principal;
    return { teamId, sessionId: claims.sid, userId, authenticatedAtMs };
  }
}

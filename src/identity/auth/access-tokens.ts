import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { Config } from '../../platform/config/config.js';
import type { Role } from '../../platform/context/principal.js';

/** Life of an access token. */
export const ACCESS_TOKEN_SECONDS = 900;
export const ISSUER = 'latchkey';
export const AUDIENCE = 'latchkey-api';
export const ALGORITHM = 'HS256';

/** What an access token says (RFC 9068 names where they fit). */
export interface AccessClaims {
  readonly sub: string;
  readonly sid: string;
  readonly team: string;
  readonly role: Role;
  /** Who acts, when a platform admin is inside somebody else's team (RFC 8693, section 4.1); `sid` is the grant. */
  readonly act?: { readonly sub: string };
}

/** Signs access tokens with the current secret; `kid` names it, so that a rotation logs nobody out. */
@Injectable()
export class AccessTokens {
  private readonly secrets: ReadonlyMap<string, string>;
  private readonly current: { readonly kid: string; readonly secret: string };

  constructor(
    private readonly jwt: JwtService,
    config: Config,
  ) {
    const all = [config.jwtSecret, ...config.jwtPreviousSecrets];
    this.secrets = new Map(all.map((secret) => [kidOf(secret), secret]));
    this.current = { kid: kidOf(config.jwtSecret), secret: config.jwtSecret };
  }

  sign(claims: AccessClaims, expiresIn = ACCESS_TOKEN_SECONDS): string {
    return this.jwt.sign(claims, {
      secret: this.current.secret,
      algorithm: ALGORITHM,
      keyid: this.current.kid,
      header: { alg: ALGORITHM, typ: 'at+jwt' },
      issuer: ISSUER,
      audience: AUDIENCE,
      expiresIn,
    });
  }

  /** The secret that a token's header names, or null for a name we do not know and for a token that would never end. */
  secretFor(token: string): string | null {
    const [header, claims] = token.split('.', 2).map(parsed);
    if (header?.typ !== 'at+jwt' || typeof header.kid !== 'string') return null;
    // A verifier checks `exp` where there is one; all of ours have one.
    if (typeof claims?.exp !== 'number') return null;
    return this.secrets.get(header.kid) ?? null;
  }
}

/** A part of a token that is not verified yet, or null when it is no JSON object. */
function parsed(part: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** A fingerprint: names the secret and says nothing about it. */
function kidOf(secret: string): string {
  return createHash('sha256').update('latchkey/jwt-kid').update(secret).digest('base64url').slice(0, 12);
}

import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { type CallerCheck, IpGate } from '../../oversight/ip-blocks/ip-gate.service.js';
import { ApiKeyStrategy } from './api-key.strategy.js';
import { BearerSessions } from './bearer-sessions.js';
import { credentialOf } from './credential.js';
import { PrincipalLoader } from './principal-loader.js';
import { KnownDevices } from '../sessions/known-devices.service.js';
import { RefreshCookie } from '../sessions/refresh-cookie.js';
import { RefreshTokens } from '../sessions/refresh-token.js';

/** Where a browser that signed in before is let through, so that its people can sign in again. */
const SIGN_IN: ReadonlySet<string> = new Set(['/v1/auth/login', '/v1/auth/login/2fa']);

/** Tells the gate for blocked addresses whether a request carries a credential that is good right now. */
@Injectable()
export class CallerRecognition implements CallerCheck {
  constructor(
    private readonly bearers: BearerSessions,
    private readonly keys: ApiKeyStrategy,
    private readonly principals: PrincipalLoader,
    private readonly cookie: RefreshCookie,
    private readonly refreshTokens: RefreshTokens,
    private readonly devices: KnownDevices,
    gate: IpGate,
  ) {
    gate.recognise(this);
  }

  async isKnown(request: FastifyRequest): Promise<boolean> {
    if ((await this.hasCredential(request)) || (await this.hasSessionCookie(request))) return true;
    return SIGN_IN.has(request.url) && (await this.devices.isRemembered(request));
  }

  /** A credential that is refused for whatever reason is none. */
  private async hasCredential(request: FastifyRequest): Promise<boolean> {
    try {
      const credential = credentialOf(request);
      if (credential === null) return false;
      if (credential.kind === 'jwt') return (await this.bearers.of(request)) !== null;
      return (await this.keys.validate(request)) !== null;
    } catch {
      return false;
    }
  }

  private async hasSessionCookie(request: FastifyRequest): Promise<boolean> {
    const text = this.cookie.read(request);
    const token = text === null ? null : this.refreshTokens.parse(text);
    return token !== null && (await this.principals.session(token.teamId, token.sessionId)) !== null;
  }
}

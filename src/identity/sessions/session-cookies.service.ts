import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { KnownDevices } from './known-devices.service.js';
import { RefreshCookie } from './refresh-cookie.js';
import type { IssuedTokens, SignInTokens } from './session.service.js';

/** Puts a session's tokens where they belong: the refresh token and the device secret into cookies, the rest into the body. */
@Injectable()
export class SessionCookies {
  constructor(
    private readonly refreshCookie: RefreshCookie,
    private readonly devices: KnownDevices,
  ) {}

  /** The refresh token that the browser sent, or null. */
  read(request: FastifyRequest): string | null {
    return this.refreshCookie.read(request);
  }

  /** After a sign-in: sets both cookies, that of the device only when a credential was checked; what it returns belongs into the body. */
  deliverSignIn(request: FastifyRequest, reply: FastifyReply, { device, ...tokens }: SignInTokens) {
    const visible = this.deliver(reply, tokens);
    if (device !== null) this.devices.write(request, reply, device.userId, device.secret);
    return visible;
  }

  /** After a refresh: sets the refresh cookie; what it returns belongs into the body. */
  deliver(reply: FastifyReply, { refreshToken, refreshExpiresIn, ...visible }: IssuedTokens) {
    this.refreshCookie.write(reply, refreshToken, refreshExpiresIn);
    return visible;
  }

  /** Ends the refresh cookie; the device stays known. */
  clear(reply: FastifyReply): void {
    this.refreshCookie.clear(reply);
  }
}

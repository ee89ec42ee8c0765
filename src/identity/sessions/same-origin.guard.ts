import { type CanActivate, type ExecutionContext, Injectable, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { Config } from '../../platform/config/config.js';
import { ApiError } from '../../platform/http/api-error.js';

const COOKIE_ROUTE_KEY = Symbol('latchkey:cookie-route');

/** The route reads or sets a cookie: browsers may call it from our own pages and from `CORS_ORIGINS` only. */
export const CookieRoute = (): MethodDecorator => SetMetadata(COOKIE_ROUTE_KEY, true);

/**
 * Global guard of the routes that work with cookies: what the browser says of where a request comes from (`Origin`,
 * `Sec-Fetch-Site`) must be us, and a body must be JSON, which no HTML form can send. A request with neither header
 * is no modern browser's; it passes here and still needs the cookie, which SameSite=Strict keeps from other sites
 * (docs/decisions: cookie routes).
 */
@Injectable()
export class SameOriginGuard implements CanActivate {
  private readonly origins: ReadonlySet<string>;

  constructor(
    private readonly reflector: Reflector,
    private readonly config: Config,
  ) {
    const own = config.publicBaseUrl === null ? [] : [new URL(config.publicBaseUrl).origin];
    this.origins = new Set([...config.corsOrigins, ...own]);
  }

  canActivate(execution: ExecutionContext): boolean {
    if (!this.reflector.get<boolean | undefined>(COOKIE_ROUTE_KEY, execution.getHandler())) return true;
    const request = execution.switchToHttp().getRequest<FastifyRequest>();
    if (!this.isOurs(request)) {
      throw new ApiError('CSRF_INVALID', 'Requests from other sites are not accepted here.');
    }
    const type = request.headers['content-type'];
    if (type !== undefined && !/^application\/json\s*(;|$)/i.test(type)) {
      throw new ApiError('UNSUPPORTED_MEDIA_TYPE', 'Send JSON, with Content-Type: application/json.');
    }
    return true;
  }

  private isOurs({ headers, protocol }: FastifyRequest): boolean {
    const site = headers['sec-fetch-site'];
    const { origin, host } = headers;
    if (origin === undefined) return site === undefined || site === 'same-origin';
    if (this.origins.has(origin)) return true;
    if (this.config.isProduction) return false;
    // A browser sends as Host what stands in the address, so an Origin that equals it is the page's own.
    const own = origin === `${protocol}://${host}` || origin === `https://${host}`;
    return own && (site === undefined || site === 'same-origin');
  }
}

import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Config } from '../../platform/config/config.js';

/** The refresh cookie: no script reads it, no other site sends it, and in production its name pins host and path (RFC 6265bis). */
@Injectable()
export class RefreshCookie {
  private readonly name: string;

  constructor(private readonly config: Config) {
    this.name = config.isProduction ? '__Host-latchkey_refresh' : 'latchkey_refresh';
  }

  read(request: FastifyRequest): string | null {
    return request.cookies[this.name] ?? null;
  }

  write(reply: FastifyReply, token: string, maxAgeSeconds: number): void {
    void reply.setCookie(this.name, token, { ...this.attributes(), maxAge: maxAgeSeconds });
  }

  clear(reply: FastifyReply): void {
    void reply.clearCookie(this.name, this.attributes());
  }

  private attributes() {
    return { httpOnly: true, sameSite: 'strict' as const, path: '/', secure: this.config.isProduction };
  }
}

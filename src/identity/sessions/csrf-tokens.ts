import { createHash, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Config } from '../../platform/config/config.js';

/** Open tokens of a session; the oldest goes when a new one would be one too many. */
export const CSRF_POOL_SIZE = 32;

/** Single-use CSRF tokens. A session keeps the hashes, so a token is bound to its session and thereby to user and team. */
@Injectable()
export class CsrfTokens {
  constructor(private readonly config: Config) {}

  create(ipAddress: string): { text: string; hash: Buffer } {
    const text = randomBytes(24).toString('base64url');
    return { text, hash: this.hash(text, ipAddress) };
  }

  /** With `CSRF_BIND_IP` a token is good from the address that asked for it, and from no other. */
  hash(text: string, ipAddress: string): Buffer {
    return createHash('sha256')
      .update(`${text}|${this.config.csrfBindIp ? ipAddress : ''}`)
      .digest();
  }
}

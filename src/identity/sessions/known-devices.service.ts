import { createHash, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Config } from '../../platform/config/config.js';
import { Database } from '../../platform/database/database.js';
import type { Statement } from '../../platform/database/statement.js';

/** A browser is remembered this long after its last sign-in. */
const REMEMBERED_DAYS = 180;
/** People who share one browser. */
const MAX_PEOPLE = 5;
/** Browsers of one person. */
const MAX_DEVICES = 20;
const ENTRY = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([\w-]{32})$/;

/**
 * The device cookie: `user.secret` of everyone who signed in with this browser, joined by `~`. It proves no identity; it only
 * gives its user tries of their own while strangers hold the account locked. Stored hashed, bound to its user.
 */
@Injectable()
export class KnownDevices {
  private readonly name: string;

  constructor(
    private readonly config: Config,
    private readonly database: Database,
  ) {
    this.name = config.isProduction ? '__Host-latchkey_device' : 'latchkey_device';
  }

  /** The secret that this browser holds for the user, if it is still remembered; null otherwise. */
  async find(
    request: FastifyRequest,
    user: { userId: string; teamId: string | null },
  ): Promise<string | null> {
    const secret = this.entries(request).get(user.userId);
    if (secret === undefined) return null;
    const [result] = await this.database.runIn({ teamId: user.teamId ?? '', userId: user.userId }, [
      {
        name: 'device:find',
        text: 'SELECT FROM known_devices WHERE user_id = $1 AND token_hash = $2 AND expires_at > now()',
        values: [user.userId, hashOf(secret)],
      },
    ]);
    return (result?.rowCount ?? 0) > 0 ? secret : null;
  }

  /** Whether this browser is remembered for anybody at all. */
  async isRemembered(request: FastifyRequest): Promise<boolean> {
    for (const userId of this.entries(request).keys()) {
      if ((await this.find(request, { userId, teamId: null })) !== null) return true;
    }
    return false;
  }

  /** A new secret, and the statements that remember it in a unit of work of this user. */
  remember(userId: string): { secret: string; statements: Statement[] } {
    const secret = randomBytes(24).toString('base64url');
    const insert = `INSERT INTO known_devices (user_id, token_hash, expires_at) VALUES ($1, $2, now() + interval '${REMEMBERED_DAYS} days')`;
    const trim = `DELETE FROM known_devices WHERE user_id = $1 AND (expires_at <= now() OR token_hash IN (
      SELECT token_hash FROM known_devices WHERE user_id = $1 ORDER BY created_at DESC OFFSET ${MAX_DEVICES - 1}))`;
    return {
      secret,
      statements: [
        { name: 'device:trim', text: trim, values: [userId] },
        { name: 'device:insert', text: insert, values: [userId, hashOf(secret)] },
      ],
    };
  }

  /** The statement that forgets every browser of the user; part of a password reset. Its unit of work acts as that user. */
  forgetAll(userId: string): Statement {
    return { name: 'device:forget', text: 'DELETE FROM known_devices WHERE user_id = $1', values: [userId] };
  }

  /** Puts the secret in front of those of other people on this browser. */
  write(request: FastifyRequest, reply: FastifyReply, userId: string, secret: string): void {
    const others = [...this.entries(request)].filter(([other]) => other !== userId);
    const value = [[userId, secret], ...others].slice(0, MAX_PEOPLE).map((entry) => entry.join('.'));
    void reply.setCookie(this.name, value.join('~'), {
      httpOnly: true,
      sameSite: 'strict',
      path: '/',
      secure: this.config.isProduction,
      maxAge: REMEMBERED_DAYS * 86_400,
    });
  }

  private entries(request: FastifyRequest): Map<string, string> {
    const texts = (request.cookies[this.name] ?? '').split('~', MAX_PEOPLE);
    return new Map(
      texts.flatMap((text) => {
        const match = ENTRY.exec(text);
        return match ? [[match[1], match[2]] as const] : [];
      }),
    );
  }
}

function hashOf(secret: string): Buffer {
  return createHash('sha256').update(`device|${secret}`).digest();
}

import { hash, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock/clock.js';
import type { Principal, Role } from '../../platform/context/principal.js';
import { SubjectCipher } from '../../platform/crypto/subject-cipher.js';
import { Database } from '../../platform/database/database.js';
import { parseApiKey } from '../api-keys/api-key-format.js';
import { scopesForRole } from '../scopes/scope-catalogue.js';
import { type ApiKeyGrant, grantOf } from './api-key-grant.js';
import { PrincipalCache } from './principal-cache.js';

interface SessionGrant {
  readonly principal: Principal;
  readonly expiresAtMs: number;
}

/** Finds out who a credential stands for; warm ones cost no database read. */
@Injectable()
export class PrincipalLoader {
  constructor(
    private readonly cache: PrincipalCache,
    private readonly database: Database,
    private readonly cipher: SubjectCipher,
    private readonly clock: Clock,
  ) {}

  /** The principal of a live session, or null when it is revoked, expired, or its user may not sign in. */
  async session(teamId: string, sessionId: string): Promise<Principal | null> {
    const grant = await this.cache.get(`session:${sessionId}`, () => this.loadSession(teamId, sessionId));
    if (!grant || grant.principal.teamId !== teamId || grant.expiresAtMs <= this.clock.nowMs()) return null;
    return grant.principal;
  }

  /** The same past the cache, for a refusal that a change made a moment ago may have lifted. */
  async sessionNow(teamId: string, sessionId: string): Promise<Principal | null> {
    return (await this.loadSession(teamId, sessionId))?.value.principal ?? null;
  }

  private async loadSession(teamId: string, sessionId: string) {
    const [result] = await this.database.runIn({ teamId, userId: null }, [
      {
        name: 'principal:session',
        text: `SELECT s.user_id, s.expires_at, greatest(s.authenticated_at, s.stepped_up_at) AS authenticated_at,
            u.two_factor_enabled_at, m.role, t.default_region,
            EXISTS (SELECT FROM platform_admins p WHERE p.user_id = s.user_id) AS platform_admin
          FROM sessions s JOIN memberships m ON m.team_id = s.team_id AND m.user_id = s.user_id
          JOIN users u ON u.id = s.user_id JOIN teams t ON t.id = s.team_id
          WHERE s.team_id = $1 AND s.id = $2 AND s.revoked_at IS NULL AND s.expires_at > now() AND u.disabled_at IS NULL`,
        values: [teamId, sessionId],
      },
    ]);
    const row = result?.rows[0];
    if (!row) return null;
    const role = row.role as Role;
    const userId = row.user_id as string;
    const principal: Principal = {
      kind: 'user',
      authMethod: 'jwt',
      userId,
      teamId,
      homeTeamId: teamId,
      role,
      scopes: scopesForRole(role),
      apiKeyId: null,
      sessionId,
      authenticatedAtMs: Date.parse(row.authenticated_at as string),
      twoFactorEnabled: row.two_factor_enabled_at !== null,
      platformAdmin: row.platform_admin as boolean,
      defaultRegion: row.default_region as string,
      rateLimitPerMinute: null,
    };
    const value: SessionGrant = { principal, expiresAtMs: Date.parse(row.expires_at as string) };
    return { value, subjects: [`session:${sessionId}`, `user:${userId}`, `team:${teamId}`] };
  }

  /**
   * The grant of an API key, in whatever state the key is; null when there is no such key.
   * A wrong checksum is refused before any look-up, a warm key costs none.
   */
  async apiKey(text: string): Promise<ApiKeyGrant | null> {
    // The cache holds no key: what was verified once is known again by its hash.
    const cacheKey = `key:${hash('sha256', text, 'base64url')}`;
    return this.cache.get(cacheKey, () => this.loadApiKey(text));
  }

  private async loadApiKey(text: string) {
    const parsed = parseApiKey(text);
    if (!parsed) return null;
    const [row] = await this.database.runOne({
      name: 'principal:api-key',
      text: 'SELECT * FROM latchkey.find_api_key($1)',
      values: [parsed.id],
    });
    if (!row) return null;
    const teamId = row.team_id as string;
    const presented = await this.cipher.fingerprint(teamId, 'api-key', text);
    if (!timingSafeEqual(presented, row.secret_hash as Buffer)) return null;
    const value = grantOf(row);
    if (value === null) return null;
    const { apiKeyId, userId } = value;
    return { value, subjects: [`api_key:${apiKeyId}`, `user:${userId}`, `team:${teamId}`] };
  }
}

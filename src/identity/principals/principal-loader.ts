import { hash, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock/clock.js';
import type { Principal, Role } from '../../platform/context/principal.js';
import { SubjectCipher } from '../../platform/crypto/subject-cipher.js';
import { Database } from '../../platform/database/database.js';
import { type AddressList, addressList, parseCidr } from '../../platform/net/cidr.js';
import { parseApiKey } from '../api-keys/api-key-format.js';
import { effectiveScopes, scopesForRole } from '../scopes/scope-catalogue.js';
import { PrincipalCache } from './principal-cache.js';

/** An API key as its requests need it. */
export interface ApiKeyGrant {
  readonly principal: Principal;
  readonly expiresAtMs: number;
  readonly revoked: boolean;
  readonly ownerDisabled: boolean;
  readonly apiKeyId: string;
  readonly userId: string;
  /** The team that owns the key. */
  readonly ownerTeamId: string;
  /** Where the key may be used from, read once for the life of the grant; null for anywhere. */
  readonly allowedFrom: AddressList | null;
  readonly ipMode: 'enforce' | 'observe';
}

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
    const tenantId = (row.environment === 'test' ? row.sandbox_id : teamId) as string | null;
    // Never the live team instead: a test key whose sandbox is missing is no key.
    if (tenantId === null) return null;
    const role = row.role as Role;
    const userId = row.created_by as string;
    const apiKeyId = row.id as string;
    const value: ApiKeyGrant = {
      principal: {
        kind: 'api_key',
        authMethod: 'api_key',
        userId,
        teamId: tenantId,
        homeTeamId: teamId,
        role,
        scopes: effectiveScopes(row.scopes as string[], role),
        apiKeyId,
        sessionId: null,
        authenticatedAtMs: null,
        twoFactorEnabled: false,
        platformAdmin: false,
        defaultRegion: row.default_region as string,
        rateLimitPerMinute: row.rate_limit_per_minute as number | null,
      },
      expiresAtMs: Date.parse(row.expires_at as string),
      revoked: row.revoked_at !== null,
      ownerDisabled: row.owner_disabled as boolean,
      apiKeyId,
      userId,
      ownerTeamId: teamId,
      allowedFrom: allowedFrom(row.allowed_ips as string[]),
      ipMode: row.ip_mode as 'enforce' | 'observe',
    };
    return { value, subjects: [`api_key:${apiKeyId}`, `user:${userId}`, `team:${teamId}`] };
  }
}

/** A stored range that cannot be read lets nobody in; it never turns a list into "anywhere". */
function allowedFrom(ranges: readonly string[]): AddressList | null {
  return ranges.length === 0 ? null : addressList(ranges.flatMap((text) => parseCidr(text) ?? []));
}

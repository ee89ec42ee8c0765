import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock/clock.js';
import type { Principal, Role } from '../../platform/context/principal.js';
import { Database } from '../../platform/database/database.js';
import { scopesForRole } from '../scopes/scope-catalogue.js';
import { grantOf } from './api-key-grant.js';
import { PrincipalLoader } from './principal-loader.js';

/** Who asked for a piece of work that outlives the request; what a job keeps of its principal. */
export type JobCaller = Pick<Principal, 'userId' | 'homeTeamId' | 'apiKeyId'>;

/**
 * The caller of a job as things stand now. Imports and other long work ask anew for every batch, so that a revoked
 * key, a demotion or a removal stops them half way. Reads the database each time; addresses are the request's matter.
 */
@Injectable()
export class PrincipalStanding {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly principals: PrincipalLoader,
  ) {}

  /** The principal with its present role and scopes, or null when it may do nothing any more. */
  async now({ userId, homeTeamId, apiKeyId }: JobCaller): Promise<Principal | null> {
    return apiKeyId === null ? this.member(homeTeamId, userId) : this.key(homeTeamId, apiKeyId);
  }

  /** The same for an answer that is still being sent; a session is looked up where requests look, so it costs nothing. */
  async still(caller: Principal): Promise<Principal | null> {
    const { sessionId, teamId } = caller;
    return sessionId === null ? this.now(caller) : this.principals.session(teamId, sessionId);
  }

  private async key(teamId: string, apiKeyId: string): Promise<Principal | null> {
    const [result] = await this.database.runIn({ teamId, userId: null }, [
      {
        name: 'standing:api-key',
        text: `SELECT f.* FROM api_keys k CROSS JOIN LATERAL latchkey.find_api_key(k.public_id) f
          WHERE k.team_id = $1 AND k.id = $2`,
        values: [teamId, apiKeyId],
      },
    ]);
    const row = result?.rows[0];
    const grant = row ? grantOf(row) : null;
    if (!grant || grant.revoked || grant.ownerDisabled || grant.expiresAtMs <= this.clock.nowMs())
      return null;
    return grant.principal;
  }

  private async member(teamId: string, userId: string): Promise<Principal | null> {
    const [result] = await this.database.runIn({ teamId, userId }, [
      {
        name: 'standing:member',
        text: `SELECT m.role, t.default_region FROM memberships m
          JOIN users u ON u.id = m.user_id JOIN teams t ON t.id = m.team_id
          WHERE m.team_id = $1 AND m.user_id = $2 AND u.disabled_at IS NULL`,
        values: [teamId, userId],
      },
    ]);
    const row = result?.rows[0];
    if (!row) return null;
    const role = row.role as Role;
    return {
      kind: 'user',
      authMethod: 'jwt',
      userId,
      teamId,
      homeTeamId: teamId,
      role,
      scopes: scopesForRole(role),
      apiKeyId: null,
      sessionId: null,
      authenticatedAtMs: null,
      twoFactorEnabled: false,
      platformAdmin: false,
      defaultRegion: row.default_region as string,
      rateLimitPerMinute: null,
    };
  }
}

import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock/clock.js';
import type { Principal } from '../../platform/context/principal.js';
import { Database, enter } from '../../platform/database/database.js';
import type { Row } from '../../platform/database/statement.js';
import { scopesForRole } from '../scopes/scope-catalogue.js';
import { PrincipalCache } from './principal-cache.js';

interface Grant {
  readonly principal: Principal;
  readonly expiresAtMs: number;
}

/** Resources that stay closed whatever was asked for: keys, members, credentials, webhooks. */
const CLOSED: ReadonlySet<string> = new Set([
  'api-keys',
  'team',
  'settings',
  'secrets',
  'webhooks',
  'voice-agents',
]);
/** Records that may be changed when changes were asked for. Calls and messages leave the house and stay closed. */
const WRITABLE: ReadonlySet<string> = new Set(['clients', 'leads', 'appointments', 'listings', 'escrows']);

/** What a platform admin can do in somebody else's team: the owner's scopes, cut down. */
export function breakGlassScopes(canWrite: boolean, canSeePii: boolean): ReadonlySet<string> {
  return new Set(
    [...scopesForRole('owner')].filter((scope) => {
      const [resource = '', action = ''] = scope.split(':');
      if (CLOSED.has(resource)) return false;
      if (action === 'read') return true;
      if (action === 'pii') return canSeePii;
      return canWrite && WRITABLE.has(resource);
    }),
  );
}

/** The principal behind a break-glass token; warm ones cost no database read. */
@Injectable()
export class BreakGlassPrincipals {
  constructor(
    private readonly cache: PrincipalCache,
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Null when the grant has ended, its session was revoked, or the person is no platform admin any more. */
  async find(teamId: string, grantId: string, userId: string): Promise<Principal | null> {
    const grant = await this.cache.get(`break-glass:${grantId}`, () => this.load(teamId, grantId, userId));
    if (!grant || grant.principal.teamId !== teamId || grant.expiresAtMs <= this.clock.nowMs()) return null;
    return grant.principal;
  }

  private async load(teamId: string, grantId: string, userId: string) {
    const [, found] = await this.database.run([
      enter({ teamId, userId }, ''),
      {
        name: 'principal:break-glass',
        text: `SELECT g.*, t.default_region FROM break_glass_grants g JOIN teams t ON t.id = g.team_id
          JOIN users u ON u.id = g.user_id JOIN platform_admins p ON p.user_id = g.user_id
          WHERE g.team_id = $1 AND g.id = $2 AND g.user_id = $3
            AND u.disabled_at IS NULL AND u.two_factor_enabled_at IS NOT NULL`,
        values: [teamId, grantId, userId],
      },
    ]);
    const row = found?.rows[0];
    if (!row || !(await this.sessionLives(row, userId))) return null;
    const subjects = [`user:${userId}`, `session:${row.session_id as string}`, `team:${teamId}`];
    return { value: grantOf(row), subjects };
  }

  /** The grant dies with the session that opened it. */
  private async sessionLives(grant: Row, userId: string): Promise<boolean> {
    const homeTeamId = grant.home_team_id as string;
    const [result] = await this.database.runIn({ teamId: homeTeamId, userId }, [
      {
        name: 'principal:break-glass-session',
        text: `SELECT FROM sessions s WHERE s.team_id = $1 AND s.id = $2 AND s.user_id = $3
          AND s.revoked_at IS NULL AND s.expires_at > now()`,
        values: [homeTeamId, grant.session_id, userId],
      },
    ]);
    return (result?.rowCount ?? 0) > 0;
  }
}

function grantOf(row: Row): Grant {
  const teamId = row.team_id as string;
  const principal: Principal = {
    kind: 'break_glass',
    authMethod: 'break_glass',
    userId: row.user_id as string,
    teamId,
    homeTeamId: teamId,
    // What the scopes leave open is seen as an administrator sees it: all of the team's, not one person's own.
    role: 'admin',
    scopes: breakGlassScopes(row.can_write as boolean, row.can_see_pii as boolean),
    apiKeyId: null,
    sessionId: null,
    breakGlassId: row.id as string,
    // Never fresh: every route that asks for a step-up stays closed.
    authenticatedAtMs: null,
    twoFactorEnabled: true,
    platformAdmin: false,
    defaultRegion: row.default_region as string,
    rateLimitPerMinute: null,
  };
  return { principal, expiresAtMs: Date.parse(row.expires_at as string) };
}

import type { Principal, Role } from '../../platform/context/principal.js';
import type { Row } from '../../platform/database/statement.js';
import { type AddressList, addressList, parseCidr } from '../../platform/net/cidr.js';
import { effectiveScopes } from '../scopes/scope-catalogue.js';

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

/** The grant of a row of `latchkey.find_api_key`; null for a test key without a sandbox. */
export function grantOf(row: Row): ApiKeyGrant | null {
  const homeTeamId = row.team_id as string;
  const teamId = (row.environment === 'test' ? row.sandbox_id : homeTeamId) as string | null;
  // Never the live team instead: a test key whose sandbox is missing is no key.
  if (teamId === null) return null;
  const role = row.role as Role;
  const userId = row.created_by as string;
  const apiKeyId = row.id as string;
  return {
    principal: {
      kind: 'api_key',
      authMethod: 'api_key',
      userId,
      teamId,
      homeTeamId,
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
    ownerTeamId: homeTeamId,
    allowedFrom: allowedFrom(row.allowed_ips as string[]),
    ipMode: row.ip_mode as 'enforce' | 'observe',
  };
}

/** A stored range that cannot be read lets nobody in; it never turns a list into "anywhere". */
function allowedFrom(ranges: readonly string[]): AddressList | null {
  return ranges.length === 0 ? null : addressList(ranges.flatMap((text) => parseCidr(text) ?? []));
}

import { Injectable } from '@nestjs/common';
import type { RequestContext } from '../../platform/context/request-context.js';
import { invalidate } from '../../platform/database/invalidations.js';
import type { Statement } from '../../platform/database/statement.js';
import { inTenant } from '../../platform/database/team-statements.js';
import { TeamRepository, TeamStore } from '../../platform/database/team.repository.js';
import { ApiKey } from './api-key.entity.js';

/** What happens to a key on its own path, not through a PATCH: when and whence it was last used. */
export interface KeyUsage {
  readonly lastUsedAt: string | null;
  readonly lastUsedIp: string | null;
  readonly scopes: readonly string[];
}

/** Keys of a team and their scopes. */
@Injectable()
export class ApiKeysRepository extends TeamRepository<ApiKey> {
  constructor(store: TeamStore) {
    super(store, ApiKey, {
      resourceType: 'api_key',
      audited: [
        'name',
        'environment',
        'prefix',
        'createdBy',
        'allowedIps',
        'ipMode',
        'rateLimitPerMinute',
        'expiresAt',
        'revokedAt',
      ],
      personal: null,
    });
  }

  /** Scopes and last use of these keys, by id. */
  async usageOf(context: RequestContext, ids: readonly string[]): Promise<Map<string, KeyUsage>> {
    const rows = await this.store.database.runOne({
      name: 'api-keys:usage',
      text: inTenant(`SELECT k.id, k.last_used_at, k.last_used_ip,
          ARRAY(SELECT s.resource || ':' || a FROM api_key_scopes s CROSS JOIN LATERAL unnest(s.actions) a
                WHERE s.team_id = k.team_id AND s.api_key_id = k.id ORDER BY 1) AS scopes
        FROM api_keys k WHERE k.team_id = $1::uuid AND k.id = ANY ($2::uuid[]) AND x.team IS NOT NULL LIMIT 100`),
      values: [context.principal.teamId, ids],
    });
    return new Map(
      rows.map((row) => [
        row.id as string,
        {
          lastUsedAt: row.last_used_at as string | null,
          lastUsedIp: row.last_used_ip as string | null,
          scopes: row.scopes as string[],
        },
      ]),
    );
  }

  /** Stages the scopes of a new key. */
  stageScopes(context: RequestContext, keyId: string, scopes: readonly string[]): void {
    const byResource = new Map<string, string[]>();
    for (const scope of scopes) {
      const [resource, action] = scope.split(':') as [string, string];
      byResource.set(resource, [...(byResource.get(resource) ?? []), action]);
    }
    for (const [resource, actions] of byResource) {
      const text =
        'INSERT INTO api_key_scopes (team_id, api_key_id, resource, actions) VALUES ($1, $2, $3, $4)';
      const values = [context.principal.teamId, keyId, resource, actions];
      context.work.stage({ statement: { name: 'api-keys:scope', text, values }, change: null });
    }
  }

  /** Stages the notice that ends the key's cached grant on every instance. */
  stageNotice(context: RequestContext, keyId: string): void {
    const notice: Statement = invalidate(`api_key:${keyId}`);
    context.work.stage({ statement: notice, change: null });
  }
}

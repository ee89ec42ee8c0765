import { Injectable } from '@nestjs/common';
import type { RequestContext } from '../../platform/context/request-context.js';
import { invalidate } from '../../platform/database/invalidations.js';
import type { ListQuery } from '../../platform/database/list-query.js';
import { inTenant } from '../../platform/database/tenant-read.js';
import { TeamRepository } from '../../platform/database/team.repository.js';
import { TeamStore } from '../../platform/database/team-store.js';
import type { Page } from '../../platform/http/page.js';
import { ApiKey } from './api-key.entity.js';

/** When and whence a key was last used; written on a path of its own (api-key-usage.service.ts). */
export interface LastUse {
  readonly lastUsedAt: string | null;
  readonly lastUsedIp: string | null;
}

export const UNUSED: LastUse = { lastUsedAt: null, lastUsedIp: null };

interface Attached extends LastUse {
  readonly scopes: readonly string[];
}

/** Keys of a team, each with its scopes: the audit log sees a key as one thing. */
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
        'scopes',
        'allowedIps',
        'ipMode',
        'rateLimitPerMinute',
        'expiresAt',
        'revokedAt',
        'replacedBy',
      ],
      personal: null,
    });
  }

  /** A key with its scopes and its last use. @throws ApiError 404 */
  async getWithUse(context: RequestContext, id: string): Promise<{ key: ApiKey; lastUse: LastUse }> {
    // The row comes first: a change of scopes raises its version, so scopes that are newer than the row end as stale.
    const key = await this.get(context, id);
    const attached = (await this.attachedTo(context, [id])).get(id);
    return { key: { ...key, scopes: attached?.scopes ?? [] }, lastUse: attached ?? UNUSED };
  }

  async listWithUse(
    context: RequestContext,
    query: ListQuery,
  ): Promise<{ page: Page<ApiKey>; lastUses: ReadonlyMap<string, LastUse> }> {
    const page = await this.list(context, query);
    const ids = page.items.map((key) => key.id);
    const attached = ids.length === 0 ? new Map<string, Attached>() : await this.attachedTo(context, ids);
    const withScopes = page.map((key) => ({ ...key, scopes: attached.get(key.id)?.scopes ?? [] }));
    return { page: withScopes, lastUses: attached };
  }

  /** Stages a new key and its scopes. */
  async add(context: RequestContext, fields: Partial<ApiKey>): Promise<ApiKey> {
    const key = await this.create(context, { fields });
    this.stageScopes(context, key);
    return key;
  }

  /** Stages changed fields, and the notice that ends the key's cached grant on every instance. */
  async alter(context: RequestContext, before: ApiKey, fields: Partial<ApiKey>): Promise<ApiKey> {
    const after = await this.update(context, before, { fields });
    if (after === before) return before;
    if (fields.scopes !== undefined) {
      const text = 'DELETE FROM api_key_scopes WHERE team_id = $1 AND api_key_id = $2';
      const values = [before.teamId, before.id];
      context.work.stage({ statement: { name: 'api-keys:drop-scopes', text, values }, change: null });
      this.stageScopes(context, after);
    }
    context.work.stage({ statement: invalidate(`api_key:${before.id}`), change: null });
    return after;
  }

  private async attachedTo(
    context: RequestContext,
    ids: readonly string[],
  ): Promise<ReadonlyMap<string, Attached>> {
    const rows = await this.store.database.runOne({
      name: 'api-keys:attached',
      text: inTenant(`SELECT k.id, k.last_used_at, k.last_used_ip,
          ARRAY(SELECT s.resource || ':' || a FROM api_key_scopes s CROSS JOIN LATERAL unnest(s.actions) a
                WHERE s.team_id = k.team_id AND s.api_key_id = k.id) AS scopes
        FROM api_keys k WHERE k.team_id = $1::uuid AND k.id = ANY ($2::uuid[]) AND x.team IS NOT NULL LIMIT 100`),
      values: [context.principal.teamId, ids],
    });
    return new Map(
      rows.map((row) => [
        row.id as string,
        {
          lastUsedAt: row.last_used_at as string | null,
          lastUsedIp: row.last_used_ip as string | null,
          // Sorted here: the database's collation is not ours.
          scopes: [...(row.scopes as string[])].sort(),
        },
      ]),
    );
  }

  private stageScopes(context: RequestContext, key: ApiKey): void {
    const byResource = new Map<string, string[]>();
    for (const scope of key.scopes) {
      const [resource, action] = scope.split(':') as [string, string];
      byResource.set(resource, [...(byResource.get(resource) ?? []), action]);
    }
    for (const [resource, actions] of byResource) {
      const text =
        'INSERT INTO api_key_scopes (team_id, api_key_id, resource, actions) VALUES ($1, $2, $3, $4)';
      const values = [key.teamId, key.id, resource, actions];
      context.work.stage({ statement: { name: 'api-keys:scope', text, values }, change: null });
    }
  }
}

import { Injectable } from '@nestjs/common';
import { newId } from '../../platform/crypto/new-id.js';
import { Clock } from '../../platform/clock/clock.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import { diffOf } from '../../platform/database/audit-diff.js';
import { Database } from '../../platform/database/database.js';
import { invalidate } from '../../platform/database/invalidations.js';
import { notFound } from '../../platform/http/api-error.js';
import { assertIfMatch } from '../../platform/http/etag.js';
import type { TeamView } from './dto/team.view.js';
import type { UpdateTeamDto } from './dto/update-team.dto.js';

const AUDITED = ['name', 'defaultRegion'] as const;

/** The team itself. */
@Injectable()
export class TeamService {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  async get(context: RequestContext): Promise<TeamView> {
    const { teamId, userId } = context.principal;
    const text = 'SELECT id, name, default_region, version, created_at, updated_at FROM teams WHERE id = $1';
    const [result] = await this.database.runIn({ teamId, userId }, [
      { name: 'team:get', text, values: [teamId] },
    ]);
    const row = result?.rows[0];
    if (!row) throw notFound();
    return {
      id: row.id as string,
      name: row.name as string,
      defaultRegion: row.default_region as string,
      version: row.version as number,
      createdAt: row.created_at as string,
      updatedAt: row.updated_at as string,
    };
  }

  /** @throws ApiError 412 for a stale `If-Match` */
  async update(context: RequestContext, ifMatch: string | null, input: UpdateTeamDto): Promise<TeamView> {
    const before = await this.get(context);
    assertIfMatch(ifMatch, before.version);
    const after = {
      ...before,
      name: input.name ?? before.name,
      defaultRegion: input.defaultRegion ?? before.defaultRegion,
    };
    const difference = diffOf({ ...before }, after, AUDITED);
    if (difference === null) {
      context.work.noChange('the patch alters nothing');
      return before;
    }
    Object.assign(after, { version: before.version + 1, updatedAt: this.clock.nowIso() });
    context.work.stage({
      statement: {
        name: 'team:update',
        text: `WITH w AS (UPDATE teams SET name = $3, default_region = $4, updated_at = $5, version = version + 1
            WHERE id = $1 AND version = $2 RETURNING 1)
          SELECT latchkey.expect_written((SELECT count(*) FROM w))`,
        values: [before.id, before.version, after.name, after.defaultRegion, after.updatedAt],
      },
      change: {
        id: newId(),
        action: 'UPDATE',
        resourceType: 'team',
        resourceId: before.id,
        ...difference,
        sealed: null,
      },
    });
    context.work.stage({ statement: invalidate(`team:${before.id}`), change: null });
    return after;
  }
}

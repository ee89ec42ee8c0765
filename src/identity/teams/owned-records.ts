import { Injectable } from '@nestjs/common';
import { newId } from '../../platform/crypto/new-id.js';
import { Clock } from '../../platform/clock/clock.js';
import { RequestContext } from '../../platform/context/request-context.js';
import { become, Database } from '../../platform/database/database.js';
import type { Statement } from '../../platform/database/statement.js';
import { UnitRunner } from '../../platform/http/unit-runner.js';

/** Tables whose records have an owner, and what their records are called in the audit log. */
export const OWNED: Readonly<Record<string, string>> = {
  clients: 'client',
  leads: 'lead',
  appointments: 'appointment',
  listings: 'listing',
  escrows: 'escrow',
};

/** Records that change in one transaction. */
const BATCH = 500;

const OF_MEMBER = Object.keys(OWNED)
  .map((table) => `SELECT '${table}' AS place, id FROM ${table} WHERE team_id = $1 AND owner_id = $2`)
  .join(' UNION ALL ');

interface OwnedRecord {
  readonly table: string;
  readonly id: string;
}

/** The records of a member who goes: each loses its owner by a change of its own, with a version and an audit row. */
@Injectable()
export class OwnedRecords {
  constructor(
    private readonly database: Database,
    private readonly runner: UnitRunner,
    private readonly clock: Clock,
  ) {}

  /**
   * Stages that the member owns nothing, ahead of their removal. What is more than one transaction should hold is
   * committed before, batch by batch: if the removal then fails, those records are unassigned, and their history says so.
   * So is what the member owns in the team's sandbox, which is a tenant, and a transaction, of its own.
   */
  async release(context: RequestContext, memberId: string): Promise<void> {
    const { teamId } = context.principal;
    let records = await this.find(context, memberId);
    while (records.length === BATCH) {
      await this.runner.apart(context, async () =>
        this.stage(context, memberId, await this.find(context, memberId)),
      );
      records = await this.find(context, memberId);
    }
    const sandboxId = await this.sandboxOf(teamId);
    if (sandboxId !== null) await this.releaseInSandbox(context, sandboxId, memberId);
    // Nobody can be given a record any more from here to the commit.
    context.work.stage({ statement: holdMembership(teamId, memberId), change: null });
    this.stage(context, memberId, records);
    context.work.stage({ statement: expectNothingOwned(teamId, memberId), change: null });
    if (sandboxId === null) return;
    const there = [holdMembership(sandboxId, memberId), expectNothingOwned(sandboxId, memberId)];
    for (const statement of [become(sandboxId), ...there, become(teamId)]) {
      context.work.stage({ statement, change: null });
    }
  }

  private async releaseInSandbox(
    context: RequestContext,
    sandboxId: string,
    memberId: string,
  ): Promise<void> {
    const there = new RequestContext(context.requestId, context.ipAddress, context.userAgent);
    there.authenticate({ ...context.principal, teamId: sandboxId });
    for (;;) {
      const records = await this.find(there, memberId);
      if (records.length === 0) return;
      await this.runner.alone(there, async () =>
        this.stage(there, memberId, await this.find(there, memberId)),
      );
    }
  }

  private async sandboxOf(teamId: string): Promise<string | null> {
    const text = 'SELECT id FROM teams WHERE sandbox_of = $1';
    const [result] = await this.database.runIn({ teamId, userId: null }, [
      { name: 'owned:sandbox', text, values: [teamId] },
    ]);
    return (result?.rows[0]?.id as string | undefined) ?? null;
  }

  private async find(context: RequestContext, memberId: string): Promise<OwnedRecord[]> {
    const { teamId, userId } = context.principal;
    const [result] = await this.database.runIn({ teamId, userId }, [
      {
        name: 'owned:find',
        text: `SELECT * FROM (${OF_MEMBER}) r LIMIT ${BATCH}`,
        values: [teamId, memberId],
      },
    ]);
    return (result?.rows ?? []).map((row) => ({ table: row.place as string, id: row.id as string }));
  }

  private stage(context: RequestContext, memberId: string, records: readonly OwnedRecord[]): void {
    if (records.length === 0) context.work.noChange('the member owns nothing any more');
    const at = this.clock.nowIso();
    for (const { table, id } of records) {
      context.work.stage({
        statement: {
          name: `owned:release-${table}`,
          text: `WITH w AS (UPDATE ${table} SET owner_id = NULL, version = version + 1, updated_at = $4
              WHERE team_id = $1 AND id = $2 AND owner_id = $3 RETURNING 1)
            SELECT latchkey.expect_written((SELECT count(*) FROM w))`,
          values: [context.principal.teamId, id, memberId, at],
        },
        change: {
          id: newId(),
          action: 'UPDATE',
          resourceType: OWNED[table] ?? table,
          resourceId: id,
          oldValues: { ownerId: memberId },
          newValues: { ownerId: null },
          sealed: null,
        },
      });
    }
  }
}

function holdMembership(teamId: string, userId: string): Statement {
  return {
    name: 'owned:hold-membership',
    text: 'SELECT FROM memberships WHERE team_id = $1 AND user_id = $2 FOR UPDATE',
    values: [teamId, userId],
  };
}

/** Ends the unit of work when a record was given to the member since they were read: the foreign key would empty it unrecorded. */
function expectNothingOwned(teamId: string, userId: string): Statement {
  return {
    name: 'owned:expect-none',
    text: `SELECT latchkey.expect_written(CASE WHEN EXISTS (${OF_MEMBER}) THEN 0 ELSE 1 END)`,
    values: [teamId, userId],
  };
}

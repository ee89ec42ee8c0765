import { Injectable } from '@nestjs/common';
import { newId } from '../../platform/crypto/new-id.js';
import { Clock } from '../../platform/clock/clock.js';
import { ChangeRecorder, systemActor } from '../../platform/database/change-recorder.js';
import type { Statement } from '../../platform/database/statement.js';
import { AuditKeys } from './audit-keys.js';
import { type Checkpoint, signedCheckpoint } from './checkpoint.js';
import { LogCheck } from './log-check.js';
import { RetentionStore, type TeamMonth } from './retention-store.js';

export interface RetentionOrder {
  /** Months to keep besides the present one. */
  readonly months: number;
  /** Says what would go and removes nothing. */
  readonly dryRun: boolean;
  /** Whether a receiver outside must have accepted a month before it goes. One that was at work lately must in any case. */
  readonly afterForwarding: boolean;
  /** Who does it and why; both are signed and stay. */
  readonly by: string;
  readonly reason: string;
}

export interface RemovedMonth {
  /** `YYYY-MM`, UTC. */
  readonly month: string;
  readonly teams: number;
  readonly rows: number;
}

/** Removes the oldest months of all teams' logs, and leaves a signed checkpoint of each team and month. */
@Injectable()
export class AuditRetention {
  constructor(
    private readonly keys: AuditKeys,
    private readonly logs: LogCheck,
    private readonly recorder: ChangeRecorder,
    private readonly clock: Clock,
  ) {}

  /**
   * @param report hears of each month that went, or would go, before an error ends the rest
   * @returns false when another instance is at it
   * @throws BrokenLogError when the log of a team is not whole: what would be removed may be evidence
   * @throws UnsealedLogError when rows of such a month still wait for their seal
   * @throws UnforwardedLogError when the receiver has not accepted all of such a month
   */
  async run(
    ownerUrl: string,
    order: RetentionOrder,
    report: (month: RemovedMonth) => void,
  ): Promise<boolean> {
    const store = await RetentionStore.connect(ownerUrl);
    try {
      if (!(await store.lock())) return false;
      const afterForwarding = order.afterForwarding || (await store.hasReceiver());
      const checked = new Map<string, ReadonlyMap<string, number>>();
      for (const month of await store.monthsBefore(this.firstKept(order.months))) {
        if (await store.hasUnsealed(endOf(month))) throw new UnsealedLogError(month);
        if (afterForwarding && (await store.hasUnforwarded(endOf(month))))
          throw new UnforwardedLogError(month);
        const teams = await store.teamsOf(month);
        for (const { teamId, rows } of teams) {
          const ofTeam = checked.get(teamId) ?? (await this.expectWhole(teamId));
          checked.set(teamId, ofTeam);
          // Rows that the check was not shown would make room in the checkpoint for others to go missing.
          if (ofTeam.get(month) !== rows) throw new BrokenLogError(teamId, `a row of ${month}`);
        }
        if (!order.dryRun) await this.remove(store, month, teams, order);
        const rows = teams.reduce((sum, team) => sum + team.rows, 0);
        report({ month, teams: teams.length, rows });
      }
      return true;
    } finally {
      await store.end();
    }
  }

  private firstKept(months: number): string {
    const now = new Date(this.clock.nowMs());
    return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - months)).toISOString().slice(0, 7);
  }

  /** Rows by month of a log that is whole. */
  private async expectWhole(teamId: string): Promise<ReadonlyMap<string, number>> {
    const { firstBrokenId, rowsByMonth } = await this.logs.checkByMonth(teamId);
    if (firstBrokenId !== null) throw new BrokenLogError(teamId, firstBrokenId);
    return rowsByMonth;
  }

  private async remove(
    store: RetentionStore,
    month: string,
    teams: readonly TeamMonth[],
    { by, reason }: RetentionOrder,
  ): Promise<void> {
    const before = endOf(month);
    const points: Checkpoint[] = [];
    for (const { teamId, rows } of teams) {
      const end = await store.monthEnd(teamId, month, before);
      const facts = { id: newId(), teamId, month, before, rows, ...end };
      const removedAt = this.clock.nowIso();
      points.push(signedCheckpoint(this.keys, { ...facts, removedAt, removedBy: by, reason }));
    }
    await store.remove(
      month,
      points,
      points.map((point) => this.recorded(point)),
    );
  }

  /** The removal in the team's own log. */
  private recorded(point: Checkpoint): Statement[] {
    const { id, teamId, month, rows, removedBy, reason } = point;
    return this.recorder.statements(systemActor(teamId, `audit-retention-${month}`), [
      {
        id: newId(),
        action: 'DELETE',
        resourceType: 'audit_log',
        resourceId: id,
        oldValues: { month, rows, removedBy, reason },
        newValues: null,
        sealed: null,
      },
    ]);
  }
}

function endOf(month: string): string {
  const [year, number] = month.split('-').map(Number);
  return new Date(Date.UTC(year, number)).toISOString();
}

/** The sealer has not run for long. */
export class UnsealedLogError extends Error {
  constructor(month: string) {
    super(`nothing was removed: rows of ${month} or before wait for their seal; is a worker running?`);
    this.name = 'UnsealedLogError';
  }
}

/** What the receiver does not have yet would be gone for it. */
export class UnforwardedLogError extends Error {
  constructor(month: string) {
    super(
      `nothing was removed from here on: the receiver of AUDIT_FORWARD_URL has not accepted all of ${month} or before; see GET /v1/platform/audit-forwarding`,
    );
    this.name = 'UnforwardedLogError';
  }
}

/** A log that does not verify is not shortened. */
export class BrokenLogError extends Error {
  constructor(
    readonly teamId: string,
    readonly firstBrokenId: string,
  ) {
    super(
      `nothing was removed from here on: the log of team ${teamId} is not whole, it breaks at ${firstBrokenId}`,
    );
    this.name = 'BrokenLogError';
  }
}

import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock/clock.js';
import { Log } from '../../platform/logging/log.js';
import { SecurityEvents } from '../security-events/security-events.service.js';
import { BatchMaker } from './batch-maker.js';
import { HeadAnchor } from './head-anchor.js';
import { HeadCheck } from './head-check.js';
import { headerOf, type SealHeader } from './seal.js';
import type { HeldLog, SealerStore } from './sealer-store.js';
import type { StoredRow } from './stored-row.js';
import { reportTampering } from './tampering.js';

/** An instance in the middle of a change of keys may hold a log that the next leader can continue. */
const ALARM_AFTER_MS = 60_000;
const PAGE_ROWS = 500;

/** The logs that are held at the moment. */
export interface Held {
  readonly teamIds: ReadonlySet<string>;
  /** Whether one of them is held for so short a time that another instance should try. */
  readonly isRecent: boolean;
}

const NONE: Held = { teamIds: new Set(), isRecent: false };

/**
 * Logs that cannot be continued: somebody put a batch at their end that none of our keys signed, or this instance's key is not
 * the one whose turn it is. Their rows stay unsealed, and can go without a trace; so people are told.
 */
@Injectable()
export class HeldLogs {
  /** By team, since when the log was held whose alarm this instance has raised. */
  private readonly alarmed = new Map<string, number>();

  constructor(
    private readonly check: HeadCheck,
    private readonly batches: BatchMaker,
    private readonly anchor: HeadAnchor,
    private readonly events: SecurityEvents,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  /** Seals what waits in the logs that can be continued again, and raises the alarm for those that still cannot. */
  async review(store: SealerStore): Promise<Held> {
    const held = await store.held();
    if (held.length === 0) return NONE;
    const heads = await store.heads(held.map(({ teamId }) => teamId));
    const refused = await this.check.refusals(store, heads);
    for (const { teamId } of held) {
      if (!refused.has(teamId)) await this.release(store, teamId, heads.get(teamId) ?? null);
    }
    const still = held.filter(({ teamId }) => refused.has(teamId));
    const due = still.filter((each) => this.isDue(each));
    for (const each of due) this.raiseAlarm(each, heads.get(each.teamId));
    return { teamIds: new Set(still.map(({ teamId }) => teamId)), isRecent: due.length < still.length };
  }

  private isDue({ sinceMs }: HeldLog): boolean {
    return this.clock.nowMs() - sinceMs >= ALARM_AFTER_MS;
  }

  private raiseAlarm({ teamId, sinceMs }: HeldLog, head: SealHeader | undefined): void {
    if (this.alarmed.get(teamId) === sinceMs || head === undefined) return;
    this.alarmed.set(teamId, sinceMs);
    reportTampering(this.events, teamId, head.rows > 0 ? head.lastId : `batch ${head.seq}`);
  }

  /** What of this is cut off in the middle starts anew: rows that have a seal are not found again. */
  private async release(store: SealerStore, teamId: string, head: SealHeader | null): Promise<void> {
    let before = head;
    let last: StoredRow | null = null;
    for (let more = true; more;) {
      const page = await store.heldPage(teamId, last, PAGE_ROWS);
      const rows = await this.batches.ours(page.rows, store);
      const seals = rows.length > 0 ? [this.batches.seal(rows, before)] : [];
      more = page.rows.length === PAGE_ROWS;
      await store.appendHeld(page, seals, more ? [] : [teamId]);
      for (const seal of seals) this.anchor.note((before = headerOf(seal)));
      last = page.rows.at(-1) ?? null;
    }
    this.alarmed.delete(teamId);
    this.log.info({ teamId }, 'the audit log of a team is sealed again');
  }
}

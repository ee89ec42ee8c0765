import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Config } from '../../platform/config/config.js';
import { ADVISORY_LOCK } from '../../platform/database/advisory-locks.js';
import { DatabaseAddress } from '../../platform/database/database-address.js';
import { Log } from '../../platform/logging/log.js';
import { BatchMaker } from './batch-maker.js';
import { byTeam } from './by-team.js';
import { HeadAnchor } from './head-anchor.js';
import { HeadCheck } from './head-check.js';
import { HeldLogs } from './held-logs.js';
import { LeaderLoop } from './leader-loop.js';
import { headerOf } from './seal.js';
import { SealerStore } from './sealer-store.js';

const ANCHOR_EVERY_MS = 60_000;
/** A new leader anchors what the one before may not have: twice its interval. */
const REANCHOR_SECONDS = 120;
/** Rows hashed in one go; about 10 ms, so requests hardly notice. */
const PAGE_ROWS = 500;

/**
 * Seals the audit rows of all teams in signed batches. One instance leads (an advisory lock of its session);
 * were there two by some accident, the second one's append is refused, because the state moved.
 */
@Injectable()
export class AuditSealer implements OnApplicationBootstrap, OnApplicationShutdown {
  private loop: LeaderLoop | null = null;
  private stopping = false;
  private anchoredAtMs = 0;

  constructor(
    private readonly config: Config,
    private readonly address: DatabaseAddress,
    private readonly check: HeadCheck,
    private readonly held: HeldLogs,
    private readonly batches: BatchMaker,
    private readonly anchor: HeadAnchor,
    private readonly log: Log,
  ) {}

  onApplicationBootstrap(): void {
    if (this.config.role === 'api') return;
    this.loop = new LeaderLoop(this.address.direct(this.config), this.log, {
      lock: ADVISORY_LOCK.auditSealing,
      failure: 'the audit log cannot be sealed at the moment',
      turn: (connection, isNew) => this.turn(new SealerStore(connection), isNew),
    });
    this.loop.start();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopping = true;
    await this.loop?.stop();
    await this.anchor
      .write()
      .catch((error: unknown) => this.log.error({ err: error }, 'could not anchor the audit heads'));
  }

  private async turn(store: SealerStore, isNew: boolean): Promise<boolean> {
    if (isNew) await this.anchorAnew(store);
    const shouldStay = await this.sealAll(store);
    await this.anchorHeads();
    return shouldStay;
  }

  private async anchorAnew(store: SealerStore): Promise<void> {
    const heads = await store.headsSince(REANCHOR_SECONDS);
    const refused = await this.check.refusals(store, heads);
    for (const head of heads.values()) if (!refused.has(head.teamId)) this.anchor.note(head);
  }

  /** @returns whether to go on leading: not when another instance may know the key of a log that this one cannot continue */
  private async sealAll(store: SealerStore): Promise<boolean> {
    const { teamIds, isRecent } = await this.held.review(store);
    const passed = new Set(teamIds);
    while (!this.stopping && (await this.sealPage(store, passed))) {
      // Another page waits; requests get their turn at each await.
    }
    return !isRecent && passed.size === teamIds.size;
  }

  /**
   * @param held teams whose rows are passed; those that this page finds come to them
   * @returns whether there is more to do
   */
  private async sealPage(store: SealerStore, held: Set<string>): Promise<boolean> {
    const page = await store.page(PAGE_ROWS);
    // A window whose last page was full is open still, and no row of the next one is seen before it is closed.
    if (page.rows.length === 0 && !page.isOpen) return false;
    const more = page.rows.length === PAGE_ROWS;
    const waiting = byTeam(page.rows);
    for (const teamId of held) waiting.delete(teamId);
    const heads = await store.heads([...waiting.keys()]);
    const refused = await this.check.refusals(store, heads);
    for (const [teamId, reason] of refused) {
      this.log.error({ teamId, reason }, 'the audit log of a team cannot be sealed at the moment');
      waiting.delete(teamId);
      held.add(teamId);
    }
    const ours = await this.batches.ours([...waiting.values()].flat(), store);
    const seals = [...byTeam(ours)].map(([teamId, rows]) =>
      this.batches.seal(rows, heads.get(teamId) ?? null),
    );
    await store.append(page, seals, more, [...refused.keys()]);
    for (const seal of seals) this.anchor.note(headerOf(seal));
    return more;
  }

  private async anchorHeads(): Promise<void> {
    if (Date.now() - this.anchoredAtMs < ANCHOR_EVERY_MS) return;
    await this.anchor.write();
    this.anchoredAtMs = Date.now();
  }
}

import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Clock } from '../../platform/clock/clock.js';
import { Config } from '../../platform/config/config.js';
import { DatabaseAddress } from '../../platform/database/database-address.js';
import { Log } from '../../platform/logging/log.js';
import { SecurityEvents } from '../security-events/security-events.service.js';
import { reportTampering } from './tampering.js';
import { AuditKeys } from './audit-keys.js';
import { HeadAnchor } from './head-anchor.js';
import { merkleRoot, NO_ROOT } from './merkle.js';
import { headerOf, type Seal, type SealHeader, signedText } from './seal.js';
import { SealerStore } from './sealer-store.js';
import { digestOf, type StoredRow } from './stored-row.js';

const TICK_MS = 1000;
const ANCHOR_EVERY_MS = 60_000;
/** A new leader anchors what the one before may not have: twice its interval. */
const REANCHOR_SECONDS = 120;
/** Rows hashed in one go; about 10 ms, so requests hardly notice. */
const PAGE_ROWS = 500;
const ALARM_AFTER_MS = 60_000;

/**
 * Seals the audit rows of all teams in signed batches. One instance leads (an advisory lock of its session);
 * were there two by some accident, the second one's append is refused, because the state moved.
 */
@Injectable()
export class AuditSealer implements OnApplicationBootstrap, OnApplicationShutdown {
  private store: SealerStore | null = null;
  private leading = false;
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> = Promise.resolve();
  private stopping = false;
  private anchoredAtMs = 0;
  private failingSinceMs: number | null = null;
  private alarmed = false;

  constructor(
    private readonly config: Config,
    private readonly address: DatabaseAddress,
    private readonly keys: AuditKeys,
    private readonly anchor: HeadAnchor,
    private readonly events: SecurityEvents,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  onApplicationBootstrap(): void {
    if (this.config.role !== 'api') this.schedule();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopping = true;
    if (this.timer) clearTimeout(this.timer);
    await this.running;
    await this.anchor
      .write()
      .catch((error: unknown) => this.log.error({ err: error }, 'could not anchor the audit heads'));
    await this.store?.end();
  }

  private schedule(): void {
    if (this.stopping) return;
    this.timer = setTimeout(() => {
      this.running = this.tick().finally(() => this.schedule());
    }, TICK_MS);
    this.timer.unref();
  }

  private async tick(): Promise<void> {
    try {
      const store = await this.connected();
      if (!(await this.leads(store))) return;
      while (!this.stopping && (await this.sealPage(store))) {
        // Another page waits; requests get their turn at each await.
      }
      await this.anchorHeads();
      this.failingSinceMs = null;
    } catch (error) {
      this.noteFailure(error);
      await this.drop();
    }
  }

  /**
   * Unsealed rows can go without a trace, so a log that stays unsealed is an alarm: somebody may have put a batch into it to
   * stop the seals of all teams. An instance in the middle of a change of keys gets its minute.
   */
  private noteFailure(error: unknown): void {
    const now = Date.now();
    if (this.failingSinceMs === null) {
      this.log.error({ err: error }, 'the audit log cannot be sealed at the moment');
      this.failingSinceMs = now;
      this.alarmed = false;
    }
    if (this.alarmed || now - this.failingSinceMs < ALARM_AFTER_MS) return;
    if (!(error instanceof NotOurTurnError) || error.strange === null) return;
    this.alarmed = true;
    reportTampering(this.events, error.strange.teamId, error.strange.lastId);
  }

  private async connected(): Promise<SealerStore> {
    this.store ??= await SealerStore.connect(this.address.direct(this.config), () => void this.drop());
    return this.store;
  }

  private async drop(): Promise<void> {
    const { store } = this;
    this.store = null;
    this.leading = false;
    await store?.end();
  }

  private async leads(store: SealerStore): Promise<boolean> {
    if (this.leading) return true;
    this.leading = await store.lead();
    if (this.leading) {
      for (const head of (await store.headsSince(REANCHOR_SECONDS)).values()) this.anchor.note(head);
    }
    return this.leading;
  }

  /** @returns whether there is more to do */
  private async sealPage(store: SealerStore): Promise<boolean> {
    const page = await store.page(PAGE_ROWS);
    if (page.rows.length === 0) return false;
    const more = page.rows.length === PAGE_ROWS;
    const byTeam = this.groupOurs(page.rows);
    const heads = await store.heads([...byTeam.keys()]);
    await this.expectOwnTurn(store, heads);
    const seals = [...byTeam].map(([teamId, rows]) => this.seal(rows, heads.get(teamId) ?? null));
    await store.append(page, seals, more);
    for (const seal of seals) this.anchor.note(headerOf(seal));
    return more;
  }

  /**
   * An instance that was left with a retired key, or never got the new one, must not continue the log: its batches
   * would not verify. It gives up leading, so that another one can.
   */
  private async expectOwnTurn(store: SealerStore, heads: ReadonlyMap<string, SealHeader>): Promise<void> {
    const others = [...heads.values()].filter(({ keyId }) => keyId !== this.keys.keyId);
    if (others.length === 0) return;
    const unknown = others.find((head) => !this.keys.isSigned(head));
    if (unknown)
      throw new NotOurTurnError(
        `the log ends with a batch of the key ${unknown.keyId}, which is not configured`,
        unknown,
      );
    const teams = others.map(({ teamId }) => teamId);
    if (await store.hasSigned(teams, this.keys.keyId))
      throw new NotOurTurnError(`the key ${this.keys.keyId} was replaced and signs nothing any more`);
  }

  private groupOurs(rows: readonly StoredRow[]): Map<string, StoredRow[]> {
    const byTeam = new Map<string, StoredRow[]>();
    for (const row of rows) {
      if (!this.keys.isOurs(row)) {
        this.reportForeign(row);
        continue;
      }
      const group = byTeam.get(row.teamId);
      if (group) group.push(row);
      else byTeam.set(row.teamId, [row]);
    }
    return byTeam;
  }

  /** The row stays unsealed for good, and verification names it. */
  private reportForeign(row: StoredRow): void {
    reportTampering(this.events, row.teamId, row.id);
  }

  private seal(rows: readonly StoredRow[], before: SealHeader | null): Seal {
    const ids = rows.map(({ id }) => id);
    const digests = rows.map(digestOf);
    const times = rows.map(({ createdAt }) => createdAt).sort();
    const header = {
      teamId: rows[0].teamId,
      seq: (before?.seq ?? 0) + 1,
      rows: rows.length,
      totalRows: (before?.totalRows ?? 0) + rows.length,
      lastId: ids[ids.length - 1],
      firstCreatedAt: times[0],
      lastCreatedAt: times[times.length - 1],
      sealedAt: this.clock.nowIso(),
      root: merkleRoot(ids, digests).toString('hex'),
      previousRoot: before?.root ?? NO_ROOT.toString('hex'),
      keyId: this.keys.keyId,
    };
    const signature = this.keys.sign(signedText(header));
    return { ...header, signature, ids, digests: Buffer.concat(digests).toString('hex') };
  }

  private async anchorHeads(): Promise<void> {
    if (Date.now() - this.anchoredAtMs < ANCHOR_EVERY_MS) return;
    await this.anchor.write();
    this.anchoredAtMs = Date.now();
  }
}

/** AUDIT_SIGNING_KEY or AUDIT_SIGNING_PREVIOUS_KEYS of this instance do not fit the log. */
class NotOurTurnError extends Error {
  /** @param strange the head that none of our keys signed */
  constructor(
    reason: string,
    readonly strange: SealHeader | null = null,
  ) {
    super(reason);
    this.name = 'NotOurTurnError';
  }
}

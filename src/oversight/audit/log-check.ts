import { Injectable } from '@nestjs/common';
import { AuditKeys } from './audit-keys.js';
import { checkpointText } from './checkpoint.js';
import type { VerificationView } from './dto/verification.view.js';
import { HeadAnchor } from './head-anchor.js';
import { KeySequence } from './key-sequence.js';
import { DIGEST_DIGITS } from './merkle.js';
import { Removals } from './removals.js';
import { continues, headerOf, rootFits, type Seal, type SealHeader } from './seal.js';
import { type LogState, SealedLog } from './sealed-log.js';
import { digestOf } from './row-digest.js';

const PENDING_PAGE = 500;
/** Retention removes its months within moments of each other, so a second look nearly always sees them all. */
const LOOKS = 5;

/** How far one check has come. */
class Progress {
  checkedRows = 0;
  brokenId: string | null = null;
  head: SealHeader | null = null;
  readonly keys = new KeySequence();
  readonly removals = new Removals();
  /** Checkpoints that were read before the first batch. */
  checkpoints = 0;
  /** Checked rows by the month of their time, `YYYY-MM`. */
  readonly months = new Map<string, number>();

  noteChecked(createdAt: string): void {
    const month = createdAt.slice(0, 7);
    this.checkedRows++;
    this.months.set(month, (this.months.get(month) ?? 0) + 1);
  }
}

/** What was found, and how many rows of each month (`YYYY-MM`) are what was sealed. */
export interface CheckedLog extends VerificationView {
  readonly rowsByMonth: ReadonlyMap<string, number>;
}

/**
 * Checks a team's whole log: every row against its batch, every batch against its signature and the one before,
 * and what is missing against the signed checkpoints of retention.
 */
@Injectable()
export class LogCheck {
  constructor(
    private readonly log: SealedLog,
    private readonly keys: AuditKeys,
    private readonly anchor: HeadAnchor,
  ) {}

  async check(teamId: string): Promise<VerificationView> {
    const { rowsByMonth: _, ...view } = await this.checkByMonth(teamId);
    return view;
  }

  /** The same, with what retention must know before it removes a month. */
  async checkByMonth(teamId: string): Promise<CheckedLog> {
    for (let look = 1; ; look++) {
      const progress = new Progress();
      const found = await this.lookThrough(teamId, progress);
      if (found.valid || look === LOOKS) return found;
      // Retention may have removed a month after its checkpoint was looked for. The whole log is held against the new one.
      const { length } = await this.log.checkpoints(teamId);
      if (length <= progress.checkpoints) return found;
    }
  }

  private async lookThrough(teamId: string, progress: Progress): Promise<CheckedLog> {
    const known = await this.anchor.newest(teamId);
    // The checkpoints first: of what is removed after them, the rows may have been counted, and then there is another look.
    const falseId = await this.takeCheckpoints(teamId, progress);
    const state = await this.log.state(teamId);
    await this.checkBatches(teamId, state, known, progress);
    const { removals, keys } = progress;
    const isOfLog = (keyId: string): boolean => keyId === this.keys.keyId || keys.has(keyId);
    progress.brokenId ??= removals.surplus() ?? removals.excusedByStranger(isOfLog) ?? falseId;
    progress.brokenId ??= await this.foreignRow(teamId, state, progress);
    return {
      valid: progress.brokenId === null,
      checkedRows: progress.checkedRows,
      pendingRows: state.pendingRows,
      removedRows: progress.removals.rows,
      verifiedFrom: progress.removals.verifiedFrom,
      firstBrokenId: progress.brokenId,
      head: progress.head,
      rowsByMonth: progress.months,
    };
  }

  /** @returns the id of a checkpoint that none of our keys signed */
  private async takeCheckpoints(teamId: string, progress: Progress): Promise<string | null> {
    let falseId: string | null = null;
    for (const point of await this.log.checkpoints(teamId)) {
      progress.checkpoints++;
      if (this.keys.isSignedText(point.keyId, checkpointText(point), point.signature))
        progress.removals.add(point);
      else falseId ??= point.id;
    }
    return falseId;
  }

  private async checkBatches(
    teamId: string,
    state: LogState,
    known: SealHeader | null,
    progress: Progress,
  ): Promise<void> {
    while (progress.brokenId === null) {
      const seal = await this.log.batchAfter(teamId, progress.head?.seq ?? 0, state.headSeq);
      if (seal === null) break;
      await this.checkBatch(seal, progress);
      if (known?.seq === seal.seq && known.root !== seal.root) progress.brokenId ??= known.lastId;
    }
    // The log ends before a head that stands outside the database: the tail was cut off.
    if (known && (progress.head?.seq ?? 0) < known.seq) progress.brokenId ??= known.lastId;
  }

  private async checkBatch(seal: Seal, progress: Progress): Promise<void> {
    if (!this.isLinked(seal, progress)) {
      progress.brokenId = seal.ids[0] ?? seal.lastId;
      return;
    }
    const rows = await this.log.rowsOf(seal);
    const mayExcuse = (keyId: string): boolean => !progress.keys.hasLeft(keyId);
    for (const [index, id] of seal.ids.entries()) {
      const row = rows.get(id);
      if (!row && progress.removals.covers(seal, id, mayExcuse)) continue;
      const digest = seal.digests.slice(index * DIGEST_DIGITS, (index + 1) * DIGEST_DIGITS);
      if (!row || digestOf(row) !== digest) {
        progress.brokenId = id;
        return;
      }
      progress.noteChecked(row.createdAt);
    }
    progress.head = headerOf(seal);
  }

  private isLinked(seal: Seal, { head, keys, removals }: Progress): boolean {
    const isSigned = this.keys.isSigned(seal) && keys.follows(seal.keyId);
    return isSigned && rootFits(seal) && continues(seal, head) && removals.fits(seal);
  }

  /** A row in the log that this application did not write. */
  private async foreignRow(
    teamId: string,
    state: LogState,
    { checkedRows: sealedRows, head }: Progress,
  ): Promise<string | null> {
    const impossible = (await this.log.firstDoubled(teamId)) ?? (await this.log.firstOutOfTime(teamId));
    if (impossible !== null) return impossible;
    // A row too many is a flaw, even one that nothing tells from the sealed ones.
    if (state.passedRows > sealedRows) return (await this.log.firstUnsealed(teamId)) ?? head?.lastId ?? null;
    let after: string | null = null;
    for (;;) {
      const rows = await this.log.pendingAfter(teamId, after, PENDING_PAGE);
      const foreign = rows.find((row) => !this.keys.isOurs(row));
      if (foreign) return foreign.id;
      const last = rows.at(-1);
      if (!last || rows.length < PENDING_PAGE) return null;
      after = last.id;
    }
  }
}

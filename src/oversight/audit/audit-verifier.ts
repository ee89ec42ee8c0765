import { Injectable } from '@nestjs/common';
import type { RequestContext } from '../../platform/context/request-context.js';
import { SecurityEvents } from '../security-events/security-events.service.js';
import { AuditKeys } from './audit-keys.js';
import type { VerificationView } from './dto/verification.view.js';
import { HeadAnchor } from './head-anchor.js';
import { DIGEST_BYTES } from './merkle.js';
import { continues, headerOf, rootFits, type Seal, type SealHeader } from './seal.js';
import { type LogState, SealedLog } from './sealed-log.js';
import { digestOf } from './stored-row.js';
import { reportTampering } from './tampering.js';

const NIL_ID = '00000000-0000-0000-0000-000000000000';
const PENDING_PAGE = 500;

interface Progress {
  checkedRows: number;
  brokenId: string | null;
  head: SealHeader | null;
}

/** Checks a team's whole log: every row against its batch, every batch against its signature and the one before. */
@Injectable()
export class AuditVerifier {
  private readonly running = new Map<string, Promise<VerificationView>>();

  constructor(
    private readonly log: SealedLog,
    private readonly keys: AuditKeys,
    private readonly anchor: HeadAnchor,
    private readonly events: SecurityEvents,
  ) {}

  /** Callers who ask while a check of their team runs share its result. */
  verify(context: RequestContext): Promise<VerificationView> {
    const { teamId } = context.principal;
    let check = this.running.get(teamId);
    if (!check) {
      check = this.check(teamId).finally(() => this.running.delete(teamId));
      this.running.set(teamId, check);
    }
    return check;
  }

  private async check(teamId: string): Promise<VerificationView> {
    const known = await this.anchor.newest(teamId);
    const state = await this.log.state(teamId);
    const progress = await this.checkBatches(teamId, state, known);
    progress.brokenId ??= await this.foreignRow(teamId, state, progress.checkedRows);
    if (progress.brokenId !== null) reportTampering(this.events, teamId, progress.brokenId);
    return {
      valid: progress.brokenId === null,
      checkedRows: progress.checkedRows,
      pendingRows: state.pendingRows,
      firstBrokenId: progress.brokenId,
      head: progress.head,
    };
  }

  private async checkBatches(teamId: string, state: LogState, known: SealHeader | null): Promise<Progress> {
    const progress: Progress = { checkedRows: 0, brokenId: null, head: null };
    while (progress.brokenId === null) {
      const seal = await this.log.batchAfter(teamId, progress.head?.seq ?? 0, state.headSeq);
      if (seal === null) break;
      await this.checkBatch(seal, progress);
      if (known?.seq === seal.seq && known.root !== seal.root) progress.brokenId ??= known.lastId;
    }
    // The log ends before a head that stands outside the database: the tail was cut off.
    if (known && (progress.head?.seq ?? 0) < known.seq) progress.brokenId ??= known.lastId;
    return progress;
  }

  private async checkBatch(seal: Seal, progress: Progress): Promise<void> {
    const rows = await this.log.rowsOf(seal);
    for (const [index, id] of seal.ids.entries()) {
      const row = rows.get(id);
      const digest = seal.digests.slice(index * DIGEST_BYTES * 2, (index + 1) * DIGEST_BYTES * 2);
      if (!row || digestOf(row).toString('hex') !== digest) {
        progress.brokenId = id;
        return;
      }
      progress.checkedRows++;
    }
    if (!rootFits(seal) || !continues(seal, progress.head) || !this.keys.isSigned(seal)) {
      progress.brokenId = seal.ids[0] ?? seal.lastId;
      return;
    }
    progress.head = headerOf(seal);
  }

  /** A row in the log that this application did not write. */
  private async foreignRow(teamId: string, state: LogState, sealedRows: number): Promise<string | null> {
    if (state.passedRows > sealedRows) return this.log.firstUnsealed(teamId);
    let after = NIL_ID;
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

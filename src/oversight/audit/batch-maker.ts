import { setImmediate } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock/clock.js';
import { SecurityEvents } from '../security-events/security-events.service.js';
import { AuditKeys } from './audit-keys.js';
import { merkleRoot, NO_ROOT } from './merkle.js';
import { type Seal, type SealHeader, signedText } from './seal.js';
import { digestOf, markDigestOf } from './row-digest.js';
import { isWhole, rowKey, type SealableRow } from './stored-row.js';
import type { SealerStore } from './sealer-store.js';
import { reportTampering } from './tampering.js';

/** Less than a millisecond's work: then requests get their turn. */
const ROWS_AT_ONCE = 100;

/** Makes signed batches of rows that this application wrote. */
@Injectable()
export class BatchMaker {
  constructor(
    private readonly keys: AuditKeys,
    private readonly events: SecurityEvents,
    private readonly clock: Clock,
  ) {}

  /**
   * Those of the rows that are ours and have an id of their own. Any other stays unsealed for good: it raises the alarm, and
   * verification names it.
   */
  async ours<T extends SealableRow>(rows: readonly T[], store: SealerStore): Promise<T[]> {
    const vouched: T[] = [];
    for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
      for (const row of rows.slice(from, from + ROWS_AT_ONCE)) if (this.isOurs(row)) vouched.push(row);
      await setImmediate();
    }
    const doubled = await store.doubled(vouched);
    const ours = new Set(vouched.filter((row) => !doubled.has(rowKey(row))));
    for (const row of rows) if (!ours.has(row)) reportTampering(this.events, row.teamId, row.id);
    return [...ours];
  }

  private isOurs(row: SealableRow): boolean {
    return isWhole(row) ? this.keys.isOurs(row) : this.keys.vouchesFor(row);
  }

  /** @param rows of one team, at least one  @param before the head of its log; null for the first batch */
  seal(rows: readonly SealableRow[], before: SealHeader | null): Seal {
    const ids = rows.map(({ id }) => id);
    const digests = rows.map((row) => (isWhole(row) ? digestOf(row) : markDigestOf(row)));
    const header = {
      teamId: rows[0].teamId,
      seq: (before?.seq ?? 0) + 1,
      rows: rows.length,
      totalRows: (before?.totalRows ?? 0) + rows.length,
      lastId: ids[ids.length - 1],
      firstCreatedAt: rows.reduce(
        (first, { createdAt }) => (createdAt < first ? createdAt : first),
        rows[0].createdAt,
      ),
      lastCreatedAt: rows.reduce(
        (last, { createdAt }) => (createdAt > last ? createdAt : last),
        rows[0].createdAt,
      ),
      sealedAt: this.clock.nowIso(),
      root: merkleRoot(ids, digests),
      previousRoot: before?.root ?? NO_ROOT,
      keyId: this.keys.keyId,
    };
    const signature = this.keys.sign(signedText(header));
    return { ...header, signature, ids, digests: digests.join('') };
  }
}

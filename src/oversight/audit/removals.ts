import type { Checkpoint } from './checkpoint.js';
import type { SealHeader } from './seal.js';

/** Which rows of a log may be missing, and whether no more are than its checkpoints say. */
export class Removals {
  /** ISO 8601: rows since then must be there; null when all must. */
  verifiedFrom: string | null = null;
  /** Rows that the checkpoints speak of. */
  rows = 0;
  private lastSeq = 0;
  private missing = 0;
  private firstMissing: string | null = null;
  private readonly roots = new Map<number, string>();
  private readonly otherIds = new Set<string>();

  /** @param point whose signature was checked */
  add(point: Checkpoint): void {
    this.rows += point.rows;
    this.lastSeq = Math.max(this.lastSeq, point.lastSeq);
    this.roots.set(point.lastSeq, point.lastRoot);
    for (const id of point.otherIds) this.otherIds.add(id);
    if (this.verifiedFrom === null || point.before > this.verifiedFrom) this.verifiedFrom = point.before;
  }

  /** Whether this missing row was removed by retention; counts it. */
  covers(seq: number, id: string): boolean {
    if (seq > this.lastSeq && !this.otherIds.has(id)) return false;
    this.missing++;
    this.firstMissing ??= id;
    return true;
  }

  /** Whether a batch is the one that a checkpoint was made after. */
  fits(seal: SealHeader): boolean {
    const root = this.roots.get(seal.seq);
    return root === undefined || root === seal.root;
  }

  /** The first missing row, when more are missing than were removed. Rows that were put back hurt nobody: they are checked. */
  surplus(): string | null {
    return this.missing > this.rows ? this.firstMissing : null;
  }
}

import type { Checkpoint } from './checkpoint.js';
import type { SealHeader } from './seal.js';

/** Of one batch: which of its rows may be missing, and whose word that is. */
interface Allowance {
  readonly seq: number;
  /** The key of a checkpoint that speaks of the whole batch. */
  readonly wholeBy: string | null;
  readonly otherIds: ReadonlyMap<string, string>;
}

/**
 * Which rows of a log may be missing, and whether no more are than its checkpoints say. A checkpoint speaks only of batches
 * whose signed times lie before the end of its month, and only of those of its own key or of keys before it: whoever finds a key
 * that was retired cannot excuse the loss of what was sealed since.
 */
export class Removals {
  /** ISO 8601: rows since then must be there; null when all must. */
  verifiedFrom: string | null = null;
  /** Rows that the checkpoints speak of. */
  rows = 0;
  private missing = 0;
  private firstMissing: string | null = null;
  private allowance: Allowance | null = null;
  private readonly points: Checkpoint[] = [];
  private readonly roots = new Map<number, string>();
  private readonly firstExcusedBy = new Map<string, string>();

  /** @param point whose signature was checked */
  add(point: Checkpoint): void {
    this.rows += point.rows;
    this.points.push(point);
    this.roots.set(point.lastSeq, point.lastRoot);
    if (this.verifiedFrom === null || point.before > this.verifiedFrom) this.verifiedFrom = point.before;
  }

  /**
   * Whether this missing row was removed by retention; counts it.
   * @param seal the row's batch, its signature checked
   * @param mayExcuse whether a checkpoint of that key may speak of the batch
   */
  covers(seal: SealHeader, id: string, mayExcuse: (keyId: string) => boolean): boolean {
    if (this.allowance?.seq !== seal.seq) this.allowance = this.allowanceOf(seal, mayExcuse);
    const keyId = this.allowance.wholeBy ?? this.allowance.otherIds.get(id);
    if (keyId === undefined) return false;
    this.missing++;
    this.firstMissing ??= id;
    if (!this.firstExcusedBy.has(keyId)) this.firstExcusedBy.set(keyId, id);
    return true;
  }

  private allowanceOf(seal: SealHeader, mayExcuse: (keyId: string) => boolean): Allowance {
    const points = this.points.filter(({ keyId }) => mayExcuse(keyId));
    const whole = points.find((point) => seal.seq <= point.lastSeq && seal.lastCreatedAt < point.before);
    const others = points.filter((point) => seal.firstCreatedAt < point.before);
    return {
      seq: seal.seq,
      wholeBy: whole?.keyId ?? null,
      otherIds: new Map(others.flatMap((point) => point.otherIds.map((id) => [id, point.keyId] as const))),
    };
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

  /** The first missing row for which only a key stands that is not one of the log's. */
  excusedByStranger(isOfLog: (keyId: string) => boolean): string | null {
    for (const [keyId, id] of this.firstExcusedBy) if (!isOfLog(keyId)) return id;
    return null;
  }
}

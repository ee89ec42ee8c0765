import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { AuditKeys } from '../audit-keys.js';
import { KeySequence } from '../key-sequence.js';
import type { SealHeader } from '../seal.js';
import { SealedLog } from '../sealed-log.js';

/** Teams whose keys are remembered: a read of their first batches walks through all that they have. */
const MAX_TEAMS = 10_000;

/**
 * Whether a batch is of a key whose turn it was. Verification learns the order of the keys on its way through the log; the forwarding, which does not
 * go that way, takes it from the first batch of each key (decision 0018).
 */
@Injectable()
export class KeyOrder {
  private readonly starts = new LRUCache<string, readonly SealHeader[]>({ max: MAX_TEAMS });

  constructor(
    private readonly keys: AuditKeys,
    private readonly log: SealedLog,
  ) {}

  /** Whether a key of this installation signed the batch, and one that its log had not left before. */
  async vouchesFor(seal: SealHeader): Promise<boolean> {
    if (!this.keys.isSigned(seal)) return false;
    // With one key there is no order to break.
    if (this.keys.earlier.length === 0) return true;
    const untilThen = new KeySequence();
    for (const { seq, keyId } of await this.startsOf(seal)) if (seq <= seal.seq) untilThen.follows(keyId);
    return !untilThen.hasLeft(seal.keyId);
  }

  /** Those that our keys signed; a made-up one says nothing of the others. A key that is new here has begun since they were read. */
  private async startsOf({ teamId, keyId }: SealHeader): Promise<readonly SealHeader[]> {
    const known = this.starts.get(teamId);
    if (known?.some((start) => start.keyId === keyId)) return known;
    const starts = (await this.log.keyStarts(teamId)).filter((start) => this.keys.isSigned(start));
    this.starts.set(teamId, starts);
    return starts;
  }
}

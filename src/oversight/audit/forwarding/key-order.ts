import type { AuditKeys } from '../audit-keys.js';
import type { SealHeader } from '../seal.js';
import type { SealedLog } from '../sealed-log.js';

/**
 * Whether batches are of keys whose turn it was. Verification learns the order of the keys on its way through the log; the forwarding, which does not
 * go that way, takes it from the first batch of each key (decision 0018). For one delivery: the next one asks anew.
 */
export class KeyOrder {
  private readonly beginnings = new Map<string, ReadonlyMap<string, number>>();

  constructor(
    private readonly keys: AuditKeys,
    private readonly log: SealedLog,
  ) {}

  /** Whether a key of this installation signed the batch, and one that its log had not left before. */
  async vouchesFor(seal: SealHeader): Promise<boolean> {
    if (!this.keys.isSigned(seal)) return false;
    // With one key there is no order to break.
    if (this.keys.earlier.length === 0) return true;
    const beginnings = await this.beginningsOf(seal.teamId);
    const own = beginnings.get(seal.keyId) ?? seal.seq;
    return ![...beginnings.values()].some((seq) => seq > own && seq <= seal.seq);
  }

  /** Whether these are signed is not asked: who damages the signature of a key's first batch does not bring back the key before. */
  private async beginningsOf(teamId: string): Promise<ReadonlyMap<string, number>> {
    const known = this.beginnings.get(teamId);
    if (known) return known;
    const beginnings = await this.log.beginningsOf(teamId, this.keys.ids);
    this.beginnings.set(teamId, beginnings);
    return beginnings;
  }
}

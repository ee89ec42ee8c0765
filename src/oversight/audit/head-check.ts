import { Injectable } from '@nestjs/common';
import { AuditKeys } from './audit-keys.js';
import { KeySequence } from './key-sequence.js';
import type { SealHeader } from './seal.js';
import type { SealerStore } from './sealer-store.js';

/** Says which logs this instance must not continue: its batches would not verify, or would stand on a false one. */
@Injectable()
export class HeadCheck {
  constructor(private readonly keys: AuditKeys) {}

  /**
   * @param heads by team
   * @returns by team, why its log cannot be continued
   */
  async refusals(store: SealerStore, heads: ReadonlyMap<string, SealHeader>): Promise<Map<string, string>> {
    const refused = new Map<string, string>();
    const others: SealHeader[] = [];
    for (const head of heads.values()) {
      if (!this.keys.isSigned(head))
        refused.set(head.teamId, 'the log ends with a batch that none of the configured keys signed');
      else if (head.keyId !== this.keys.keyId) others.push(head);
    }
    if (others.length === 0) return refused;
    const starts = await store.keyStarts(others.map(({ teamId }) => teamId));
    for (const head of others) {
      const reason = this.reasonAgainst(head, starts.get(head.teamId) ?? []);
      if (reason !== null) refused.set(head.teamId, reason);
    }
    return refused;
  }

  /** Of a head that another of our keys signed. @param starts the first batch of each key of its log, in order */
  private reasonAgainst(head: SealHeader, starts: readonly SealHeader[]): string | null {
    const sequence = KeySequence.of(starts, this.keys);
    if (sequence === null) return 'the log passed on to a key by a batch that this one did not sign';
    if (!sequence.follows(head.keyId)) return `the log ends with a batch of ${head.keyId}, a retired key`;
    if (!sequence.hasLeft(this.keys.keyId)) return null;
    return `the key ${this.keys.keyId} was replaced and signs nothing any more`;
  }
}

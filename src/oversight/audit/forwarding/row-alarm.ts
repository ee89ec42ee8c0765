import { Injectable } from '@nestjs/common';
import { SecurityEvents } from '../../security-events/security-events.service.js';
import { AuditKeys } from '../audit-keys.js';
import { checkpointText } from '../checkpoint.js';
import { Removals } from '../removals.js';
import { SealedLog } from '../sealed-log.js';
import { reportTampering } from '../tampering.js';
import type { Delivery } from './delivery.js';

/** Raises the alarm for forwarded batches and rows that are not what was sealed, unless retention removed them. */
@Injectable()
export class RowAlarm {
  constructor(
    private readonly log: SealedLog,
    private readonly keys: AuditKeys,
    private readonly events: SecurityEvents,
  ) {}

  async look({ batches }: Delivery): Promise<void> {
    for (const { seal, state: batchState, rows } of batches) {
      if (batchState === 'altered') {
        reportTampering(this.events, seal.teamId, rows[0]?.id ?? `batch ${seal.seq}`);
        continue;
      }
      const suspicious = rows.filter(({ state }) => state !== 'intact');
      if (suspicious.length === 0) continue;
      const removed = await this.removalsOf(seal.teamId);
      // The chain is not at hand here: the batch's own key and today's are the ones that surely came no earlier.
      const mayExcuse = (keyId: string): boolean => keyId === seal.keyId || keyId === this.keys.keyId;
      for (const { id, state } of suspicious) {
        if (state === 'missing' && removed.covers(seal, id, mayExcuse)) continue;
        reportTampering(this.events, seal.teamId, id);
      }
    }
  }

  private async removalsOf(teamId: string): Promise<Removals> {
    const removals = new Removals();
    for (const point of await this.log.checkpoints(teamId)) {
      if (this.keys.isSignedText(point.keyId, checkpointText(point), point.signature)) removals.add(point);
    }
    return removals;
  }
}

import { Injectable } from '@nestjs/common';
import { SecurityEvents } from '../../security-events/security-events.service.js';
import { AuditKeys } from '../audit-keys.js';
import { checkpointText } from '../checkpoint.js';
import { KeySequence } from '../key-sequence.js';
import { Removals } from '../removals.js';
import type { SealHeader } from '../seal.js';
import { SealedLog } from '../sealed-log.js';
import { reportTampering } from '../tampering.js';
import type { Delivery, ForwardedBatch } from './delivery.js';

/** What a team's log says of the rows that it lacks. */
interface Excuses {
  readonly removals: Removals;
  /** The first batch of each key, in order. */
  readonly keyStarts: readonly SealHeader[];
}

/** Raises the alarm for forwarded batches and rows that are not what was sealed, unless retention removed them. */
@Injectable()
export class RowAlarm {
  constructor(
    private readonly log: SealedLog,
    private readonly keys: AuditKeys,
    private readonly events: SecurityEvents,
  ) {}

  async look({ batches }: Delivery): Promise<void> {
    const ofTeams = new Map<string, Excuses>();
    for (const batch of batches) {
      const { teamId, seq } = batch.seal;
      if (batch.state === 'altered') {
        reportTampering(this.events, teamId, batch.rows[0]?.id ?? `batch ${seq}`);
      } else if (batch.rows.some(({ state }) => state !== 'intact')) {
        const excuses = ofTeams.get(teamId) ?? (await this.excusesOf(teamId));
        ofTeams.set(teamId, excuses);
        this.lookAtRows(batch, excuses);
      }
    }
  }

  private lookAtRows({ seal, rows }: ForwardedBatch, { removals, keyStarts }: Excuses): void {
    const mayExcuse = this.keysFrom(seal, keyStarts);
    for (const { id, state } of rows) {
      if (state === 'intact' || (state === 'missing' && removals.covers(seal, id, mayExcuse))) continue;
      reportTampering(this.events, seal.teamId, id);
    }
  }

  /** Whose checkpoints may speak of a batch: keys of the log, or today's, that it had not left before. */
  private keysFrom({ seq }: SealHeader, keyStarts: readonly SealHeader[]): (keyId: string) => boolean {
    const whole = KeySequence.of(keyStarts, this.keys);
    const untilThen = KeySequence.of(
      keyStarts.filter((start) => start.seq <= seq),
      this.keys,
    );
    if (whole === null || untilThen === null) return () => false;
    return (keyId) => (keyId === this.keys.keyId || whole.has(keyId)) && !untilThen.hasLeft(keyId);
  }

  private async excusesOf(teamId: string): Promise<Excuses> {
    const removals = new Removals();
    for (const point of await this.log.checkpoints(teamId)) {
      if (this.keys.isSignedText(point.keyId, checkpointText(point), point.signature)) removals.add(point);
    }
    return { removals, keyStarts: await this.log.keyStarts(teamId) };
  }
}

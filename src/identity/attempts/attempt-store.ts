import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/database/database.js';

/** A counter as the database functions take it. */
export interface CounterKey {
  readonly bucket: string;
  /** Keyed hash of who or what is counted. */
  readonly subject: Buffer;
  readonly limit: number;
  readonly seconds: number;
  readonly sliding: boolean;
}

export interface ClaimOutcome {
  /** `busy`: the tries that are left are under way at this moment. */
  readonly outcome: 'free' | 'busy' | 'refused';
  readonly retryAt: string | null;
  readonly waitSeconds: number;
}

export type SettleResult = 'failed' | 'released' | 'reset';

/** The attempt counters of PostgreSQL: exact across instances and without Redis, by the database's clock. */
@Injectable()
export class AttemptStore {
  constructor(private readonly database: Database) {}

  /** Takes one try of every counter, or of none; outcomes in the order of `keys`. */
  async claim(claimId: string, keys: readonly CounterKey[]): Promise<ClaimOutcome[]> {
    const rows = await this.database.runOne({
      name: 'attempts:claim',
      text: 'SELECT * FROM latchkey.claim_attempt($1, $2, $3::bytea[], $4, $5, $6)',
      values: [claimId, ...columnsOf(keys)],
    });
    return rows.map((row) => ({
      outcome: row.outcome as ClaimOutcome['outcome'],
      retryAt: row.retry_at as string | null,
      waitSeconds: Math.max(1, (row.wait_seconds as number | null) ?? 1),
    }));
  }

  /** Ends a claimed try; true for each counter whose last try this was. */
  async settle(
    claimId: string,
    keys: readonly CounterKey[],
    results: readonly SettleResult[],
  ): Promise<boolean[]> {
    const rows = await this.database.runOne({
      name: 'attempts:settle',
      text: 'SELECT * FROM latchkey.settle_attempt($1, $2, $3::bytea[], $4, $5, $6, $7)',
      values: [claimId, ...columnsOf(keys), results],
    });
    const usedUp = new Map(rows.map((row) => [row.place as number, row.used_up as boolean]));
    return keys.map((_, index) => usedUp.get(index + 1) ?? false);
  }

  /** Forgets counters that no longer count anything. */
  async purge(): Promise<void> {
    await this.database.runOne({
      name: 'attempts:purge',
      text: 'SELECT latchkey.purge_attempts()',
      values: [],
    });
  }
}

function columnsOf(keys: readonly CounterKey[]): unknown[] {
  return [
    keys.map((key) => key.bucket),
    keys.map((key) => `\\x${key.subject.toString('hex')}`),
    keys.map((key) => key.limit),
    keys.map((key) => key.seconds),
    keys.map((key) => key.sliding),
  ];
}

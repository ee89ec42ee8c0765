import { createHmac, randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { deriveKey } from '../../platform/crypto/derive-key.js';
import { MasterKeys } from '../../platform/crypto/master-keys.js';
import { ApiError } from '../../platform/http/api-error.js';
import { Jobs } from '../../platform/jobs/jobs.service.js';
import { AttemptStore, type ClaimOutcome, type CounterKey, type SettleResult } from './attempt-store.js';
import { Turns } from './turns.js';

/** How many tries there are, and what happens when they are used up. */
export interface AttemptRule {
  /** Names the counter; a subject has one count in each bucket. */
  readonly bucket: string;
  /** Failures that are still answered as such; the next try is refused without being looked at. */
  readonly limit: number;
  /** Sliding: each failure counts for this long. Otherwise all count until this long after the last one (a lock). */
  readonly seconds: number;
  readonly sliding: boolean;
  readonly refusal: 'ACCOUNT_LOCKED' | 'AUTH_RATE_LIMIT';
  /** What success does to the count; a try that succeeded is never counted itself. */
  readonly onSuccess: 'reset' | 'keep';
}

/** One counter of an attempt. */
export interface AttemptClaim {
  readonly rule: AttemptRule;
  /** Who or what is counted, in plain text; only a keyed hash of it is stored. */
  readonly subject: string;
  /** The lock of this counter holds here, but a failure is not one of its own (default: it is). */
  readonly checkOnly?: boolean;
  /** Called when this failure used up the last try. */
  readonly onUsedUp?: () => void;
}

/** Guesses at a second factor or a backup code, by user id: a lock of its own, apart from the password's. */
export const CODE_RULE: AttemptRule = {
  bucket: 'code',
  limit: 5,
  seconds: 1800,
  sliding: false,
  refusal: 'ACCOUNT_LOCKED',
  onSuccess: 'reset',
};

/** Failures of one address on login, registration, codes and resets, whatever the account. */
export const ADDRESS_RULE: AttemptRule = {
  bucket: 'address',
  limit: 5,
  seconds: 900,
  sliding: true,
  refusal: 'AUTH_RATE_LIMIT',
  onSuccess: 'keep',
};

const BUSY_LIMIT_MS = 8000;
const BUSY_PAUSE_MS = 15;
const PURGE_EVERY_SECONDS = 600;

/**
 * Counts failed attempts exactly, in PostgreSQL: a try is taken before it is evaluated, so parallel guesses on any
 * number of instances evaluate no more than the limit, and given back when it turns out right.
 */
@Injectable()
export class AttemptCounters {
  private readonly turns = new Turns();
  private readonly key: Buffer;

  constructor(
    private readonly store: AttemptStore,
    jobs: Jobs,
    keys: MasterKeys,
  ) {
    this.key = deriveKey(keys.teamKey(keys.currentId, 'installation', 'attempts'), 'subjects', 'hmac');
    jobs.every('attempts-purge', PURGE_EVERY_SECONDS, () => store.purge());
  }

  /**
   * Evaluates one attempt if every claim has a try left. `evaluate` answers null for a failure, which is counted;
   * anything else is success; when it throws, the tries are given back. `alsoReset` names further counters that success clears.
   * Claims are looked at in their order: the first that has no try left decides the refusal.
   * @throws ApiError 423 `ACCOUNT_LOCKED` with `lockedUntil`, or 429 `AUTH_RATE_LIMIT`; both with `Retry-After`
   */
  async attempt<T>(
    claims: readonly AttemptClaim[],
    evaluate: () => Promise<T | null>,
    alsoReset: readonly AttemptClaim[] = [],
  ): Promise<T | null> {
    const keys = claims.map((claim) => this.keyOf(claim));
    const line = keys.map((key) => `${key.bucket}:${key.subject.toString('hex')}`)[0] ?? '';
    return this.turns.take(line, claims[0]?.rule.limit ?? 1, async () => {
      const claimId = randomUUID();
      await this.claim(claimId, claims, keys);
      const resets = alsoReset.map((claim) => this.keyOf(claim));
      let value: T | null;
      try {
        value = await evaluate();
      } catch (error) {
        await this.settle(
          claimId,
          keys,
          keys.map(() => 'released' as const),
        );
        throw error;
      }
      if (value !== null) {
        const results = claims.map(
          ({ rule }) => (rule.onSuccess === 'reset' ? 'reset' : 'released') as SettleResult,
        );
        await this.settle(claimId, [...keys, ...resets], [...results, ...resets.map(() => 'reset' as const)]);
        return value;
      }
      const usedUp = await this.settle(
        claimId,
        keys,
        claims.map((claim) => (claim.checkOnly ? 'released' : 'failed')),
      );
      for (const [index, claim] of claims.entries()) if (usedUp[index]) claim.onUsedUp?.();
      return null;
    });
  }

  /** Sixteen hex digits of the subject's keyed hash: tells subjects apart in events and names none of them. */
  fingerprint(claim: AttemptClaim): string {
    return this.keyOf(claim).subject.toString('hex').slice(0, 16);
  }

  private async claim(
    claimId: string,
    claims: readonly AttemptClaim[],
    keys: readonly CounterKey[],
  ): Promise<void> {
    const deadline = Date.now() + BUSY_LIMIT_MS;
    for (let pause = BUSY_PAUSE_MS; ; pause = Math.min(pause * 2, 240)) {
      const outcomes = await this.inLockOrder(keys, (sorted) => this.store.claim(claimId, sorted));
      const refused = outcomes.findIndex((one) => one.outcome === 'refused');
      if (refused >= 0) throw refusalOf(claims[refused].rule, outcomes[refused]);
      if (outcomes.every((one) => one.outcome === 'free')) return;
      if (Date.now() > deadline) {
        throw new ApiError('UNAVAILABLE', 'Too many attempts are under way; try again shortly.', {
          headers: { 'retry-after': '1' },
        });
      }
      await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random())));
    }
  }

  private settle(
    claimId: string,
    keys: readonly CounterKey[],
    results: readonly SettleResult[],
  ): Promise<boolean[]> {
    const resultOf = new Map(keys.map((key, index) => [key, results[index]]));
    return this.inLockOrder(keys, (sorted) =>
      this.store.settle(
        claimId,
        sorted,
        sorted.map((key) => resultOf.get(key) ?? 'released'),
      ),
    );
  }

  /** Every transaction locks its counters in the same order, so none waits in a circle. */
  private async inLockOrder<R>(
    keys: readonly CounterKey[],
    work: (sorted: CounterKey[]) => Promise<R[]>,
  ): Promise<R[]> {
    const sorted = [...keys].sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
    const results = await work(sorted);
    return keys.map((key) => results[sorted.indexOf(key)]);
  }

  private keyOf({ rule, subject }: AttemptClaim): CounterKey {
    const hash = createHmac('sha256', this.key).update(`${rule.bucket}|${subject}`).digest();
    return {
      bucket: rule.bucket,
      subject: hash,
      limit: rule.limit,
      seconds: rule.seconds,
      sliding: rule.sliding,
    };
  }
}

function orderOf(key: CounterKey): string {
  return `${key.bucket}|${key.subject.toString('hex')}`;
}

function refusalOf(rule: AttemptRule, { retryAt, waitSeconds }: ClaimOutcome): ApiError {
  const headers = { 'retry-after': String(waitSeconds) };
  if (rule.refusal === 'AUTH_RATE_LIMIT') {
    return new ApiError('AUTH_RATE_LIMIT', `Too many failed attempts; try again in ${waitSeconds} s.`, {
      headers,
    });
  }
  const minutes = Math.ceil(waitSeconds / 60);
  return new ApiError('ACCOUNT_LOCKED', `Too many failed attempts; locked for another ${minutes} min.`, {
    details: [{ field: 'lockedUntil', message: retryAt ?? '' }],
    headers,
  });
}

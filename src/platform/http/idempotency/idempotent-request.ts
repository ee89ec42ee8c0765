import type { Statement } from '../../database/statement.js';
import type { Answer } from '../../database/unit-of-work.js';

/** A request under a client's `Idempotency-Key`, as the units of work inside it see it. */
export interface IdempotentRequest {
  /** Stores the answer; part of the request's last transaction. */
  completion(answer: Answer): Statement;
  /**
   * Stores the result of one step of a request that commits in steps; part of the step's transaction. When the request
   * breaks off, its repetition finds what was finished.
   */
  step(position: number, result: unknown): Statement;
  /** Whether the key is still this attempt's; another may have taken over one that said nothing for a minute. */
  held(): Promise<boolean>;
  /** Results of the steps that are committed, by position: from an attempt that broke off, and of this one. */
  readonly finished: Map<number, unknown>;
}

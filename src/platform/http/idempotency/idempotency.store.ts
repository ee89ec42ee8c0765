import { Injectable } from '@nestjs/common';
import { seal } from '../../crypto/aead.js';
import { Database, enter } from '../../database/database.js';
import type { Statement, TenantScope } from '../../database/statement.js';
import type { Answer } from '../../database/unit-of-work.js';
import { MasterKeys } from '../../crypto/master-keys.js';
import { MAX_SUBJECTS, subjectsOf } from './stored-answers.js';

export interface Claim {
  /** Tells this attempt apart from one that took over after its lease. */
  readonly id: string;
  readonly scope: TenantScope;
  readonly scopeHash: Buffer;
  readonly requestHash: Buffer;
  /** What the caller may do and see now. */
  readonly scopes: ReadonlySet<string>;
  /** The answer must not be stored. */
  readonly secretAnswer: boolean;
}

export interface EarlierRequest {
  readonly requestHash: Buffer;
  /** `lost`: the caller no longer holds every scope they had when it was made. */
  readonly answer: 'running' | 'secret' | 'lost' | Answer;
}

/** The key is this request's. */
export interface Claimed {
  /** Results of steps that an attempt before committed, by position. */
  readonly finished: Map<number, unknown>;
}

/** A crashed request's claim ends after this long. */
const LEASE_SECONDS = 60;

/** Claims, progress and answers in PostgreSQL; contents are sealed under the team's key and kept for 24 h. */
@Injectable()
export class IdempotencyStore {
  constructor(
    private readonly database: Database,
    private readonly keys: MasterKeys,
  ) {}

  /** Takes the key for this request, or returns what an earlier request left under it. */
  async claim(claim: Claim): Promise<Claimed | EarlierRequest> {
    const results = await this.database.run([
      enter(claim.scope, claim.id),
      claimStatement(claim),
      readStatement(claim),
    ]);
    const claimed = results[1].rows[0];
    if (claimed) return { finished: this.stepsOf(claim, claimed.progress as string[]) };
    const row = results[2].rows[0];
    // The earlier request failed and released its claim between our two statements.
    if (!row) return { requestHash: claim.requestHash, answer: 'running' };
    return { requestHash: row.request_hash as Buffer, answer: this.answerOf(claim, row) };
  }

  private answerOf(claim: Claim, row: Record<string, unknown>): EarlierRequest['answer'] {
    if (row.status_code === null) return 'running';
    if (row.answer_sealed === null) return 'secret';
    const then = row.caller_scopes as string[] | null;
    if (then === null || !then.every((scope) => claim.scopes.has(scope))) return 'lost';
    const body = this.open(claim, row.answer_sealed as Buffer, place(claim));
    return { statusCode: row.status_code as number, body: body === '' ? undefined : JSON.parse(body) };
  }

  private stepsOf(claim: Claim, progress: readonly string[]): Map<number, unknown> {
    const steps = progress.map((sealed) => this.open(claim, Buffer.from(sealed, 'base64'), stepPlace(claim)));
    return new Map(steps.map((text) => JSON.parse(text) as [number, unknown]));
  }

  /** The statement that stores the result of a step and keeps the claim alive; it runs in the transaction of the step. */
  step(claim: Claim, position: number, result: unknown): Statement {
    const sealed = seal(this.key(claim), JSON.stringify([position, result]), stepPlace(claim));
    return {
      name: 'idempotency-step',
      text: `WITH kept AS (
          UPDATE idempotency_keys SET progress = array_append(progress, $4), lease_expires_at = now() + make_interval(secs => $5)
          WHERE team_id = $1 AND scope_hash = $2 AND claim_id = $3 AND status_code IS NULL RETURNING 1)
        SELECT latchkey.expect_written((SELECT count(*) FROM kept))`,
      values: [claim.scope.teamId, claim.scopeHash, claim.id, sealed.toString('base64'), LEASE_SECONDS],
    };
  }

  /** Whether the claim is not finished, released or taken over. */
  async holds(claim: Claim): Promise<boolean> {
    const text = `SELECT FROM idempotency_keys
      WHERE team_id = $1 AND scope_hash = $2 AND claim_id = $3 AND status_code IS NULL`;
    const values = [claim.scope.teamId, claim.scopeHash, claim.id];
    const [result] = await this.database.runIn(claim.scope, [{ name: 'idempotency-holds', text, values }]);
    return result.rowCount > 0;
  }

  /** The statement that stores the answer; it runs in the transaction of the change. */
  completion(claim: Claim, answer: Answer): Statement {
    const body = answer.body === undefined ? '' : JSON.stringify(answer.body);
    const subjects = subjectsOf(answer.body);
    const kept = !claim.secretAnswer && subjects.length <= MAX_SUBJECTS;
    return {
      name: 'idempotency-complete',
      text: `WITH done AS (
          UPDATE idempotency_keys SET status_code = $4, answer_sealed = $5, subject_ids = $6, caller_scopes = $7, progress = '{}'
          WHERE team_id = $1 AND scope_hash = $2 AND claim_id = $3 RETURNING 1)
        SELECT latchkey.expect_written((SELECT count(*) FROM done))`,
      values: [
        claim.scope.teamId,
        claim.scopeHash,
        claim.id,
        answer.statusCode,
        kept ? seal(this.key(claim), body, place(claim)) : null,
        kept ? subjects : [],
        [...claim.scopes],
      ],
    };
  }

  /** Frees the key after a failure; where steps were committed, for the same request only. */
  async release(claim: Claim): Promise<void> {
    const mine = `team_id = $1 AND scope_hash = $2 AND claim_id = $3 AND status_code IS NULL`;
    const forget = `DELETE FROM idempotency_keys WHERE ${mine} AND progress = '{}'`;
    const pause = `UPDATE idempotency_keys SET lease_expires_at = now() - interval '1 second' WHERE ${mine}`;
    const values = [claim.scope.teamId, claim.scopeHash, claim.id];
    await this.database
      .run([
        enter(claim.scope, claim.id),
        { name: 'idempotency-release', text: forget, values },
        { name: 'idempotency-pause', text: pause, values },
      ])
      .catch(() => {
        // The database is away; the lease ends by itself.
      });
  }

  private open(claim: Claim, sealed: Buffer, where: string): string {
    return this.keys.openWithAny(claim.scope.teamId, 'idempotency-answers', sealed, where).toString();
  }

  private key(claim: Claim): Buffer {
    return this.keys.teamKey(this.keys.currentId, claim.scope.teamId, 'idempotency-answers');
  }
}

function place(claim: Claim): string {
  return `idempotency|${claim.scopeHash.toString('hex')}|${claim.scope.teamId}`;
}

function stepPlace(claim: Claim): string {
  return `${place(claim)}|step`;
}

/**
 * Inserts the claim, or takes over one whose lease ended or whose answer is older than 24 h. What broke off after committed
 * steps is taken over by the same request only, with what it has done.
 */
function claimStatement(claim: Claim): Statement {
  return {
    name: 'idempotency-claim',
    text: `INSERT INTO idempotency_keys AS k (team_id, scope_hash, request_hash, claim_id, lease_expires_at)
      VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5))
      ON CONFLICT (team_id, scope_hash) DO UPDATE SET request_hash = excluded.request_hash, claim_id = excluded.claim_id,
        lease_expires_at = excluded.lease_expires_at, status_code = NULL, answer_sealed = NULL, subject_ids = '{}', created_at = now(),
        progress = CASE WHEN k.created_at < now() - interval '24 hours' THEN '{}' ELSE k.progress END, caller_scopes = NULL
      WHERE (k.status_code IS NULL AND k.lease_expires_at < now() AND (k.progress = '{}' OR k.request_hash = excluded.request_hash))
        OR k.created_at < now() - interval '24 hours'
      RETURNING k.progress`,
    values: [claim.scope.teamId, claim.scopeHash, claim.requestHash, claim.id, LEASE_SECONDS],
  };
}

function readStatement(claim: Claim): Statement {
  return {
    name: 'idempotency-read',
    text: `SELECT request_hash, status_code, answer_sealed, caller_scopes FROM idempotency_keys WHERE team_id = $1 AND scope_hash = $2`,
    values: [claim.scope.teamId, claim.scopeHash],
  };
}

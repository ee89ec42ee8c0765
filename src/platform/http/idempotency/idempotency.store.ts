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
  /** The answer must not be stored. */
  readonly secretAnswer: boolean;
}

export interface EarlierRequest {
  readonly requestHash: Buffer;
  readonly answer: 'running' | 'secret' | Answer;
}

/** A crashed request's claim ends after this long. */
const LEASE_SECONDS = 60;

/** Claims and answers in PostgreSQL; answers are sealed under the team's key and kept for 24 h. */
@Injectable()
export class IdempotencyStore {
  constructor(
    private readonly database: Database,
    private readonly keys: MasterKeys,
  ) {}

  /** Takes the key for this request, or returns what an earlier request left under it. */
  async claim(claim: Claim): Promise<EarlierRequest | null> {
    const results = await this.database.run([
      enter(claim.scope, claim.id),
      claimStatement(claim),
      readStatement(claim),
    ]);
    if (results[1].rowCount > 0) return null;
    const row = results[2].rows[0];
    // The earlier request failed and released its claim between our two statements.
    if (!row) return { requestHash: claim.requestHash, answer: 'running' };
    return { requestHash: row.request_hash as Buffer, answer: this.answerOf(claim, row) };
  }

  private answerOf(claim: Claim, row: Record<string, unknown>): EarlierRequest['answer'] {
    if (row.status_code === null) return 'running';
    if (row.answer_sealed === null) return 'secret';
    const body = this.keys
      .openWithAny(claim.scope.teamId, 'idempotency-answers', row.answer_sealed as Buffer, place(claim))
      .toString();
    return { statusCode: row.status_code as number, body: body === '' ? undefined : JSON.parse(body) };
  }

  /** The statement that stores the answer; it runs in the transaction of the change. */
  completion(claim: Claim, answer: Answer): Statement {
    const body = answer.body === undefined ? '' : JSON.stringify(answer.body);
    const subjects = subjectsOf(answer.body);
    const kept = !claim.secretAnswer && subjects.length <= MAX_SUBJECTS;
    return {
      name: 'idempotency-complete',
      text: `WITH done AS (
          UPDATE idempotency_keys SET status_code = $4, answer_sealed = $5, subject_ids = $6
          WHERE team_id = $1 AND scope_hash = $2 AND claim_id = $3 RETURNING 1)
        SELECT latchkey.expect_written((SELECT count(*) FROM done))`,
      values: [
        claim.scope.teamId,
        claim.scopeHash,
        claim.id,
        answer.statusCode,
        kept ? seal(this.key(claim), body, place(claim)) : null,
        kept ? subjects : [],
      ],
    };
  }

  /** Frees the key after a failure. */
  async release(claim: Claim): Promise<void> {
    const text = `DELETE FROM idempotency_keys
      WHERE team_id = $1 AND scope_hash = $2 AND claim_id = $3 AND status_code IS NULL`;
    const values = [claim.scope.teamId, claim.scopeHash, claim.id];
    await this.database
      .run([enter(claim.scope, claim.id), { name: 'idempotency-release', text, values }])
      .catch(() => {
        // The database is away; the lease ends by itself.
      });
  }

  private key(claim: Claim): Buffer {
    return this.keys.teamKey(this.keys.currentId, claim.scope.teamId, 'idempotency-answers');
  }
}

function place(claim: Claim): string {
  return `idempotency|${claim.scopeHash.toString('hex')}|${claim.scope.teamId}`;
}

/** Inserts the claim, or takes over one whose lease ended or whose answer is older than 24 h. */
function claimStatement(claim: Claim): Statement {
  return {
    name: 'idempotency-claim',
    text: `INSERT INTO idempotency_keys AS k (team_id, scope_hash, request_hash, claim_id, lease_expires_at)
      VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5))
      ON CONFLICT (team_id, scope_hash) DO UPDATE SET request_hash = excluded.request_hash, claim_id = excluded.claim_id,
        lease_expires_at = excluded.lease_expires_at, status_code = NULL, answer_sealed = NULL, subject_ids = '{}', created_at = now()
      WHERE (k.status_code IS NULL AND k.lease_expires_at < now()) OR k.created_at < now() - interval '24 hours'
      RETURNING 1`,
    values: [claim.scope.teamId, claim.scopeHash, claim.requestHash, claim.id, LEASE_SECONDS],
  };
}

function readStatement(claim: Claim): Statement {
  return {
    name: 'idempotency-read',
    text: `SELECT request_hash, status_code, answer_sealed FROM idempotency_keys WHERE team_id = $1 AND scope_hash = $2`,
    values: [claim.scope.teamId, claim.scopeHash],
  };
}

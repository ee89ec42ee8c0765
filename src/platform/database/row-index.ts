import type { RequestContext } from '../context/request-context.js';
import type { SubjectCipher } from '../crypto/subject-cipher.js';
import { ApiError } from '../http/api-error.js';
import { addTokens, refuseOthersWith, removeTokens } from './blind-index.js';
import { isPgError, SQLSTATE } from './database-errors.js';

/** Words under which a record is found again. */
export interface IndexTerms {
  /** No two live records of a team share one of these, unless the caller allows it. */
  readonly unique: readonly string[];
  readonly other: readonly string[];
}

interface Identified {
  readonly id: string;
  readonly teamId: string;
}

/** The tokens of a table's live rows in the blind index; archived rows have none, so they neither match nor block. */
export class RowIndex<E extends Identified> {
  /** @param duplicate what a client reads when another record has one of the unique terms */
  constructor(
    private readonly cipher: SubjectCipher,
    private readonly termsOf: (row: E) => IndexTerms,
    private readonly duplicate: string,
  ) {}

  /** Tokens of a row, the unique ones first. */
  async tokens(row: E): Promise<{ unique: string[]; all: string[] }> {
    const terms = this.termsOf(row);
    const unique = await this.cipher.tokens(row.teamId, terms.unique);
    const other = await this.cipher.tokens(row.teamId, terms.other, true);
    return { unique, all: [...unique, ...other] };
  }

  /** Stages the change of a row's tokens from one version to the next. */
  async reindex(context: RequestContext, before: E, after: E, allowDuplicate: boolean): Promise<void> {
    const had = this.termsOf(before);
    const has = this.termsOf(after);
    // Terms are compared before they are hashed: most changes touch none of them.
    const unique = has.unique.filter((term) => !had.unique.includes(term));
    const other = has.other.filter((term) => !had.other.includes(term));
    const gone = [...had.unique, ...had.other].filter(
      (term) => ![...has.unique, ...has.other].includes(term),
    );
    const added = await this.cipher.tokens(after.teamId, [...unique, ...other]);
    const removed = await this.cipher.tokens(after.teamId, gone);
    if (!allowDuplicate) this.refuseDuplicates(context, after, added.slice(0, unique.length));
    if (removed.length > 0)
      context.work.stage({ statement: removeTokens(after.teamId, after.id, removed), change: null });
    this.stageTokens(context, after, added, allowDuplicate && unique.length > 0);
  }

  /** Stages the removal of a record that is archived. */
  async unindex(context: RequestContext, row: E): Promise<void> {
    const { all } = await this.tokens(row);
    if (all.length > 0)
      context.work.stage({ statement: removeTokens(row.teamId, row.id, all), change: null });
  }

  /** Stages the return of a record. */
  async index(context: RequestContext, row: E, allowDuplicate: boolean): Promise<void> {
    const { all, unique } = await this.tokens(row);
    if (!allowDuplicate) this.refuseDuplicates(context, row, unique);
    this.stageTokens(context, row, all, allowDuplicate);
  }

  private stageTokens(context: RequestContext, row: E, tokens: readonly string[], unchecked: boolean): void {
    if (tokens.length === 0) return;
    const statement = addTokens(row.teamId, row.id, tokens);
    context.work.stage({
      statement: unchecked ? { ...statement, afterChecks: true } : statement,
      change: null,
    });
  }

  /** Stages the check; the locks make a second writer of the same value wait until it can see the first. */
  refuseDuplicates(context: RequestContext, row: E, unique: readonly string[]): void {
    if (unique.length === 0) return;
    for (const token of unique) context.work.lock(token);
    const statement = refuseOthersWith(row.teamId, row.id, unique);
    context.work.stage({ statement, change: null, explain: (error) => this.duplicateError(error) });
  }

  private duplicateError(error: Error): Error | null {
    if (!isPgError(error) || error.code !== SQLSTATE.duplicate) return null;
    const ids = new Set((error.detail ?? '').split(','));
    const details = [...ids].map((id) => ({ field: 'id', message: id }));
    return new ApiError('DUPLICATE', this.duplicate, { details });
  }
}

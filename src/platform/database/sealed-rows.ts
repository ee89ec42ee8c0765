import type { RequestContext } from '../context/request-context.js';
import type { DataKey, NewDataKey, SubjectCipher } from '../crypto/subject-cipher.js';
import { ApiError } from '../http/api-error.js';
import { addTokens, refuseOthersWith, removeTokens, tokenLock } from './blind-index.js';
import { isPgError, SQLSTATE } from './database-errors.js';

/** Words under which a record with personal data is found again. */
export interface IndexTerms {
  /** No two live records of a team share one of these, unless the caller allows it. */
  readonly unique: readonly string[];
  readonly other: readonly string[];
}

export interface PersonalRules<P extends object> {
  readonly fields: readonly (keyof P & string)[];
  /** Terms are `purpose|value`, so that equal values of different fields have different tokens. */
  readonly terms: (personal: P) => IndexTerms;
}

interface Identified {
  readonly id: string;
  readonly teamId: string;
}

interface Secrets<P> {
  readonly key: DataKey;
  readonly personal: P;
}

/**
 * The personal data of a table's rows: one sealed value per row under the row's own data key, and its tokens
 * in the blind index. The opened data stays beside the row, never in it, so that no diff or log meets it.
 */
export class SealedRows<E extends Identified, P extends object> {
  private readonly secrets = new WeakMap<E, Secrets<P>>();

  constructor(
    private readonly cipher: SubjectCipher,
    private readonly table: string,
    readonly rules: PersonalRules<P>,
  ) {}

  /** The opened personal data of a row that went through {@link open}, {@link seal} or {@link carry}. */
  of(row: E): P {
    return this.secretsOf(row).personal;
  }

  open(row: E, wrapped: Buffer, sealed: Buffer): void {
    const key = this.cipher.unwrap(row.teamId, row.id, wrapped);
    this.secrets.set(row, { key, personal: JSON.parse(key.open(sealed, this.table)) as P });
  }

  /** A new data key for a new row. */
  createKey(row: E): NewDataKey {
    return this.cipher.create(row.teamId, row.id);
  }

  /** Seals the data for the row and returns what its `sealed` column holds. */
  seal(row: E, key: DataKey, personal: P): Buffer {
    this.secrets.set(row, { key, personal });
    return key.seal(JSON.stringify(personal), this.table);
  }

  /** The next version of a row keeps the personal data of the one before. */
  carry(from: E, to: E): void {
    this.secrets.set(to, this.secretsOf(from));
  }

  keyOf(row: E): DataKey {
    return this.secretsOf(row).key;
  }

  /** Personal values for an audit row, bound to that row. */
  sealAudit(row: E, auditId: string, values: { old?: object; new?: object }): Buffer {
    return this.keyOf(row).seal(JSON.stringify(values), `audit_log|${auditId}`);
  }

  /** Tokens of the data, the unique ones first. */
  async tokens(teamId: string, personal: P): Promise<{ unique: string[]; all: string[] }> {
    const terms = this.rules.terms(personal);
    const all = await this.cipher.tokens(teamId, [...terms.unique, ...terms.other]);
    return { unique: all.slice(0, terms.unique.length), all };
  }

  /** Stages the change of a row's tokens from the old data to the new. */
  async reindex(
    context: RequestContext,
    row: E,
    old: P,
    personal: P,
    allowDuplicate: boolean,
  ): Promise<void> {
    const had = await this.tokens(row.teamId, old);
    const has = await this.tokens(row.teamId, personal);
    const added = has.all.filter((token) => !had.all.includes(token));
    const removed = had.all.filter((token) => !has.all.includes(token));
    if (!allowDuplicate)
      this.refuseDuplicates(
        context,
        row,
        has.unique.filter((token) => added.includes(token)),
      );
    if (removed.length > 0)
      context.work.stage({ statement: removeTokens(row.teamId, row.id, removed), change: null });
    if (added.length > 0)
      context.work.stage({ statement: addTokens(row.teamId, row.id, added), change: null });
  }

  /** Stages the removal of a record from the index (archived records neither match nor block). */
  async unindex(context: RequestContext, row: E): Promise<void> {
    const tokens = await this.tokens(row.teamId, this.of(row));
    context.work.stage({ statement: removeTokens(row.teamId, row.id, tokens.all), change: null });
  }

  /** Stages the return of a record to the index. */
  async index(context: RequestContext, row: E, allowDuplicate: boolean): Promise<void> {
    const tokens = await this.tokens(row.teamId, this.of(row));
    if (!allowDuplicate) this.refuseDuplicates(context, row, tokens.unique);
    context.work.stage({ statement: addTokens(row.teamId, row.id, tokens.all), change: null });
  }

  /** Stages the check; the locks make a second writer of the same value wait until it can see the first. */
  refuseDuplicates(context: RequestContext, row: E, unique: readonly string[]): void {
    if (unique.length === 0) return;
    for (const token of unique) context.work.lock(tokenLock(token));
    const statement = refuseOthersWith(row.teamId, row.id, unique);
    context.work.stage({ statement, change: null, explain: duplicateError });
  }

  private secretsOf(row: E): Secrets<P> {
    const secrets = this.secrets.get(row);
    if (!secrets) throw new Error(`a row of ${this.table} that this repository did not read`);
    return secrets;
  }
}

function duplicateError(error: Error): Error | null {
  if (!isPgError(error) || error.code !== SQLSTATE.duplicate) return null;
  const details = (error.detail ?? '').split(',').map((id) => ({ field: 'id', message: id }));
  return new ApiError(
    'DUPLICATE',
    'Records with this e-mail or phone exist; send allowDuplicate to keep both.',
    { details },
  );
}

import type { DataKey, NewDataKey, SubjectCipher } from '../crypto/subject-cipher.js';
import { type diffOf, diffOfChange, presentFields } from './audit-diff.js';
import type { IndexTerms } from './row-index.js';
import type { Statement } from './statement.js';

export interface PersonalRules<P extends object> {
  readonly fields: readonly (keyof P & string)[];
  /**
   * Words under which a row is found by its personal data; terms are `purpose|value`, so that equal values of
   * different fields have different tokens.
   */
  readonly terms?: (personal: P) => IndexTerms;
}

interface Identified {
  readonly id: string;
  readonly teamId: string;
  readonly [field: string]: unknown;
}

type Values = Readonly<Record<string, unknown>>;

interface Secrets<P> {
  readonly key: DataKey;
  readonly personal: P;
}

/**
 * Where a row carries its opened data: a symbol, which no diff, JSON or log sees, and which a copy of the row keeps.
 * A WeakMap would hide it better, but its entries made garbage collection a fifth of a read.
 */
const SECRETS = Symbol('personal data');

type Carrier<P> = { [SECRETS]?: Secrets<P> };

/**
 * The personal data of a table's rows: one sealed value per row under the row's own data key.
 */
export class SealedRows<E extends Identified, P extends object> {
  constructor(
    private readonly cipher: SubjectCipher,
    private readonly table: string,
    readonly rules: PersonalRules<P>,
    /** Plain fields that an erasure empties: audit rows keep them under the subject's key as well. */
    private readonly closed: readonly string[],
  ) {}

  /** The opened personal data of a row that went through {@link open} or {@link seal}. */
  of(row: E): P {
    return this.secretsOf(row).personal;
  }

  open(row: E, wrapped: Buffer, sealed: Buffer): void {
    const key = this.cipher.unwrap(row.teamId, row.id, wrapped);
    (row as Carrier<P>)[SECRETS] = { key, personal: JSON.parse(key.open(sealed, this.table)) as P };
  }

  /** A new data key for a new row. */
  createKey(row: E): NewDataKey {
    return this.cipher.create(row.teamId, row.id);
  }

  /** Seals the data for the row and returns what its `sealed` column holds. */
  seal(row: E, key: DataKey, personal: P): Buffer {
    (row as Carrier<P>)[SECRETS] = { key, personal };
    return key.seal(JSON.stringify(personal), this.table);
  }

  keyOf(row: E): DataKey {
    return this.secretsOf(row).key;
  }

  /** Personal values for an audit row, bound to that row. */
  sealAudit(row: E, auditId: string, values: { old?: object; new?: object }): Buffer {
    return this.keyOf(row).seal(JSON.stringify(values), `audit_log|${auditId}`);
  }

  /** What an audit row about the whole record keeps sealed. */
  auditValues(row: E): Record<string, unknown> {
    return Object.assign(presentFields(row, this.closed), this.of(row));
  }

  /** What an audit row about a change keeps sealed; null when nothing of it changes. */
  auditDiff(before: E, fields: object, personal: object): ReturnType<typeof diffOf> {
    const closed = diffOfChange(before, fields as Values, this.closed);
    const secret = diffOfChange(this.of(before) as Values, personal as Values, this.rules.fields);
    if (closed === null || secret === null) return closed ?? secret;
    return {
      oldValues: { ...closed.oldValues, ...secret.oldValues },
      newValues: { ...closed.newValues, ...secret.newValues },
    };
  }

  private secretsOf(row: E): Secrets<P> {
    const secrets = (row as Carrier<P>)[SECRETS];
    if (!secrets) throw new Error(`a row of ${this.table} that this repository did not read`);
    return secrets;
  }
}

/** Deletes a subject's data key: whatever was sealed under it, wherever it lies, is unreadable from then on. */
export function forgetKey(teamId: string, subjectId: string): Statement {
  return {
    name: 'data-key:forget',
    text: 'DELETE FROM data_keys WHERE team_id = $1 AND subject_id = $2',
    values: [teamId, subjectId],
  };
}

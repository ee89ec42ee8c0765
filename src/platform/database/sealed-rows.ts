import type { DataKey, NewDataKey, SubjectCipher } from '../crypto/subject-cipher.js';
import type { IndexTerms } from './row-index.js';

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
 * The personal data of a table's rows: one sealed value per row under the row's own data key. The opened data stays beside the row, never in it, so that no diff or log meets it.
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

  private secretsOf(row: E): Secrets<P> {
    const secrets = this.secrets.get(row);
    if (!secrets) throw new Error(`a row of ${this.table} that this repository did not read`);
    return secrets;
  }
}

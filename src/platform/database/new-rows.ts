import { newId } from '../crypto/new-id.js';
import { presentFields } from './audit-diff.js';
import type { RecordedChange } from './change-recorder.js';
import type { RowIndex } from './row-index.js';
import type { SealedRows } from './sealed-rows.js';
import type { Statement } from './statement.js';
import type { TeamRow } from './table-rules.js';
import type { TeamStatements } from './team-statements.js';

/** What writes a new record: the row with its key and tokens, and what the audit log says of it. */
export interface NewRow {
  readonly statement: Statement;
  readonly change: RecordedChange;
  /** Tokens that no other live record of the team should have. */
  readonly unique: readonly string[];
}

/** Makes the rows of one team table: sealed under a data key of their own, and indexed while they are live. */
export class NewRows<E extends TeamRow, P extends object> {
  constructor(
    private readonly statements: TeamStatements,
    private readonly sealedRows: SealedRows<E, P> | null,
    private readonly index: RowIndex<E> | null,
    private readonly resourceType: string,
    /** Audited fields in the clear. */
    private readonly openFields: readonly string[],
  ) {}

  /**
   * Seals the personal data into `row`.
   * @param origin what the audit log says besides of where the record is from
   */
  async make(row: E, personal: P, origin: Readonly<Record<string, unknown>> = {}): Promise<NewRow> {
    const id = newId();
    let key: { wrapped: Buffer; masterKeyId: string } | null = null;
    let sealed: Buffer | null = null;
    if (this.sealedRows) {
      const created = this.sealedRows.createKey(row);
      Object.assign(row, { sealed: this.sealedRows.seal(row, created.key, personal) });
      sealed = this.sealedRows.sealAudit(row, id, { new: this.sealedRows.auditValues(row) });
      key = { wrapped: created.wrapped, masterKeyId: created.masterKeyId };
    }
    const tokens = row.archivedAt === null ? await this.index?.tokens(row) : undefined;
    const newValues = Object.assign(presentFields(row, this.openFields), origin);
    const { resourceType } = this;
    return {
      statement: this.statements.insert(row, tokens?.all ?? [], key),
      change: { id, action: 'CREATE', resourceType, resourceId: row.id, oldValues: null, newValues, sealed },
      unique: tokens?.unique ?? [],
    };
  }
}

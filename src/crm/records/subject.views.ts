import { AuditRowView } from '../../oversight/audit/dto/audit-row.view.js';

/** Everything that is kept about one person in a record. */
export class SubjectExportView {
  /** ISO 8601. */
  exportedAt: string;
  /** Kind of record, such as `client`. */
  resourceType: string;
  /** The record as the API shows it; personal data is masked without the resource's `pii` scope. */
  record: object;
  /** Its changes, newest first, up to 2,000. */
  history: AuditRowView[];
}

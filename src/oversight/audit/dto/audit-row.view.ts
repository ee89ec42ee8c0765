/** A row's place in the chain of signed batches. */
export class RowSealView {
  /** Number of the batch. */
  seq: number;
  /** ISO 8601. */
  sealedAt: string;
}

/** One recorded change. */
export class AuditRowView {
  id: string;
  action: 'CREATE' | 'UPDATE' | 'DELETE';
  /** Kind of record, such as `client`. */
  resourceType: string;
  resourceId: string;
  /** The person who acted, directly or through a key. */
  userId: string | null;
  apiKeyId: string | null;
  /** How the actor proved who it is: `jwt`, `api_key`, or `system` for jobs. */
  authMethod: string;
  /** Changed fields before; null for CREATE. Personal data is masked without the resource's `pii` scope. */
  oldValues: Record<string, unknown> | null;
  /** Changed fields after; null for DELETE, except `{erased:true}` when personal data was erased for good. */
  newValues: Record<string, unknown> | null;
  ipAddress: string | null;
  userAgent: string | null;
  requestId: string;
  /** ISO 8601, the database's clock. */
  createdAt: string;
  /** The row's place in a signed batch; null until the sealer has passed. */
  seal: RowSealView | null;
}

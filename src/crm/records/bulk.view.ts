export class BulkErrorView {
  /** As of the single request. */
  code: string;
  message: string;
  details: { field: string; message: string }[] | null;
}

export class BulkResultView {
  /** Place in `operations`, from 0. */
  index: number;
  /** HTTP status of the single request. */
  status: number;
  id: string | null;
  /** The record's version afterwards; null when it is archived or the operation failed. */
  version: number | null;
  error: BulkErrorView | null;
}

/** What came of the operations. */
export class BulkView {
  succeeded: number;
  failed: number;
  results: BulkResultView[];
}

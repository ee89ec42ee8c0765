/** An import and how far it got: imported + updated + duplicates + failed = processed. */
export class ImportView {
  id: string;
  resource: 'clients' | 'leads' | 'listings';
  /** `stopped`: whoever started it may not write these records any more; what was done until then stays. */
  status: 'queued' | 'running' | 'completed' | 'failed' | 'stopped';
  dryRun: boolean;
  matchOn: 'email' | 'phone' | 'mlsNumber' | null;
  /** Rows of the file; null unless all were read. */
  total: number | null;
  processed: number;
  imported: number;
  updated: number;
  /** Rows with an e-mail, phone or MLS number that another record or row has. */
  duplicates: number;
  failed: number;
  /** Why it ended early. */
  reason: string | null;
  /** ISO 8601. */
  createdAt: string;
  /** ISO 8601. */
  finishedAt: string | null;
}

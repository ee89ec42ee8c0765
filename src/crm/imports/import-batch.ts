import type { RequestContext } from '../../platform/context/request-context.js';
import { ApiError } from '../../platform/http/api-error.js';
import { ApiValidationPipe } from '../../platform/http/validation.pipe.js';
import { IMPORT_FIELDS, valueOf } from './import-fields.js';
import type { ImportStore, Progress, RejectedRow, StoredImport } from './import-store.js';
import type { ImportTarget } from './import-targets.js';

type Values = Record<string, unknown>;

/** What became of some rows. */
export interface BatchResult {
  readonly progress: Progress;
  readonly rejected: readonly RejectedRow[];
  /** Unique terms of the rows that became records, or would have. */
  readonly terms: readonly string[];
}

interface ReadRow {
  readonly number: number;
  readonly cells: readonly string[];
  readonly values: Values;
  readonly terms: Partial<Record<string, string>>;
  readonly error: ApiError | null;
}

/** Who has a unique term; null is a record that a dry run would have made of an earlier row. */
type Holders = Map<string, string | null>;

/** After so many rows others get their turn: a job shares its process with requests. */
const ROWS_A_TURN = 20;

/** Decides for rows of a file: a new record, a change of one, or a refusal with its reason. */
export class ImportBatch {
  private readonly validation = new ApiValidationPipe();

  constructor(
    private readonly store: ImportStore,
    private readonly target: ImportTarget,
    private readonly stored: StoredImport,
    private readonly columns: readonly (string | null)[],
  ) {}

  /** Stages the rows' writes; nothing that a row is refused for stops the others. */
  async stage(
    context: RequestContext,
    rows: readonly string[][],
    before: StoredImport,
  ): Promise<BatchResult> {
    const read = rows.map((cells, n) => this.read(context, cells, before.processed + n + 1));
    const wanted = [...new Set(read.flatMap((row) => Object.values(row.terms) as string[]))];
    const holders: Holders = await this.store.holdersOf(before, wanted);
    const { matchOn } = this.stored;
    const matched = read.flatMap(({ terms: own }) => holders.get((matchOn && own[matchOn]) ?? '') ?? []);
    await this.target.records.preload(context, [...new Set<string>(matched)]);
    const counts = { imported: 0, updated: 0, duplicates: 0, failed: 0 };
    const rejected: RejectedRow[] = [];
    const terms: string[] = [];
    for (const [n, row] of read.entries()) {
      if (n % ROWS_A_TURN === ROWS_A_TURN - 1) await new Promise(setImmediate);
      try {
        counts[await this.write(context, row, holders)]++;
        terms.push(...(Object.values(row.terms) as string[]));
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        counts[error.code === 'DUPLICATE' ? 'duplicates' : 'failed']++;
        rejected.push(rejectedRow(row.number, row.cells, error));
      }
    }
    return { progress: added(before, rows.length, counts), rejected, terms };
  }

  /** The result for a row that the database refused. */
  refusal(before: StoredImport, cells: readonly string[], error: ApiError): BatchResult {
    const counts = error.code === 'DUPLICATE' ? { duplicates: 1 } : { failed: 1 };
    const progress = added(before, 1, counts);
    return { progress, rejected: [rejectedRow(progress.processed, cells, error)], terms: [] };
  }

  private read(context: RequestContext, cells: readonly string[], number: number): ReadRow {
    const { kinds } = IMPORT_FIELDS[this.target.resource];
    const given: Values = {};
    this.columns.forEach((field, n) => {
      const cell = cells[n] ?? '';
      if (field !== null && cell.trim() !== '') given[field] = valueOf(kinds[field] ?? 'text', cell);
    });
    const values = this.target.complete(given);
    try {
      const { terms, stored } = this.target.terms(context, values);
      return { number, cells, values: { ...values, ...stored }, terms, error: null };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { number, cells, values, terms: {}, error };
    }
  }

  private async write(
    context: RequestContext,
    row: ReadRow,
    holders: Holders,
  ): Promise<'imported' | 'updated'> {
    if (row.error) throw row.error;
    const { records } = this.target;
    const terms = Object.values(row.terms) as string[];
    const { matchOn } = this.stored;
    const existing = matchOn === null ? undefined : holders.get(row.terms[matchOn] ?? '');
    const { create, update } = records.bodies;
    const metatype = existing === undefined ? create : update;
    const body = (await this.validation.transform(row.values, { type: 'body', metatype })) as object;
    if (existing !== undefined) {
      if (existing !== null) await records.update(context, existing, null, body);
      return 'updated';
    }
    const holder = terms.find((term) => holders.has(term));
    if (holder !== undefined) throw duplicate(holders.get(holder) ?? null);
    const { id } = (await records.create(context, body)) as { id: string };
    for (const term of terms) holders.set(term, id);
    return 'imported';
  }
}

function duplicate(id: string | null): ApiError {
  return new ApiError('DUPLICATE', `A record with the same key exists${id ? `: ${id}` : ' in this file'}.`);
}

function rejectedRow(row: number, cells: readonly string[], error: ApiError): RejectedRow {
  const details = (error.details ?? []).map(({ field, message }) => `${field}: ${message}`);
  return { row, code: error.code, message: details.length > 0 ? details.join('; ') : error.message, cells };
}

function added(
  before: StoredImport,
  rows: number,
  counts: Partial<Record<'imported' | 'updated' | 'duplicates' | 'failed', number>>,
): Progress {
  return {
    processed: before.processed + rows,
    imported: before.imported + (counts.imported ?? 0),
    updated: before.updated + (counts.updated ?? 0),
    duplicates: before.duplicates + (counts.duplicates ?? 0),
    failed: before.failed + (counts.failed ?? 0),
  };
}

import type { ManyAtOnce } from './merged-statements.js';

/** One SQL statement with its parameters. */
export interface Statement {
  /**
   * Name of the prepared statement, or null for one that is parsed each time. One name stands for one text
   * for the life of the process, and the number of names is bounded by the code, never by input.
   */
  readonly name: string | null;
  readonly text: string;
  readonly values: readonly unknown[];
  /** Set when a unit of work may send several of these as one. */
  readonly many?: ManyAtOnce;
}

export type Row = Record<string, unknown>;

export interface StatementResult {
  readonly rows: readonly Row[];
  /** Rows that the statement returned or touched, as PostgreSQL counts them. */
  readonly rowCount: number;
}

/** The tenant and the person a statement runs for; row level security reads them. */
export interface TenantScope {
  readonly teamId: string;
  readonly userId: string | null;
}

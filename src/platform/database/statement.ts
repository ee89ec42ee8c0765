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
  /** Set when checks that stand before this statement must be done before it: it makes what they would refuse. */
  readonly afterChecks?: true;
  /** Set when another write of the same unit may go along in its WITH clause: the text begins with WITH, INSERT, UPDATE or DELETE. */
  readonly mayBeAccompanied?: true;
}

/** How several statements of one name become one. */
export interface ManyAtOnce {
  /**
   * Where the one stands: rows go in where their first would have, so that what refers to them finds them; a check stands
   * where its last would have, so that it sees everything that it is about.
   */
  readonly place: 'first' | 'last';
  /** The one statement for the values of all, in their order. */
  readonly build: (all: readonly (readonly unknown[])[]) => Statement;
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

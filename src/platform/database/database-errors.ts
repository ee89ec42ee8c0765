/** No connection to PostgreSQL could be had, or it broke: the caller may try again (HTTP 503). */
export class DatabaseUnavailableError extends Error {
  constructor(cause?: unknown) {
    super('the database cannot be reached', { cause });
    this.name = 'DatabaseUnavailableError';
  }
}

/** Another writer changed the row between our read and our write: the unit of work starts again. */
export class StaleWriteError extends Error {
  constructor() {
    super('the row changed since it was read');
    this.name = 'StaleWriteError';
  }
}

export interface PgError extends Error {
  readonly code: string;
  readonly constraint?: string;
  readonly detail?: string;
}

export function isPgError(error: unknown): error is PgError {
  return error instanceof Error && typeof (error as { code?: unknown }).code === 'string';
}

/** SQLSTATEs that the migrations' own functions raise, beside PostgreSQL's. */
export const SQLSTATE = {
  stale: 'LK001',
  duplicate: 'LK002',
  missingReference: 'LK010',
  uniqueViolation: '23505',
  foreignKeyViolation: '23503',
  serializationFailure: '40001',
  deadlock: '40P01',
  queryCanceled: '57014',
  readOnly: '25006',
} as const;

/** True when the same work may succeed on a second try because another writer was in the way. */
export function isContention(error: unknown): boolean {
  if (error instanceof StaleWriteError) return true;
  const code = isPgError(error) ? error.code : '';
  return code === SQLSTATE.stale || code === SQLSTATE.serializationFailure || code === SQLSTATE.deadlock;
}

/** True when the connection, not the statement, failed: the client must not go back to the pool. */
export function isConnectionFailure(error: Error): boolean {
  const code = (error as { code?: string }).code;
  if (code === undefined)
    return /Connection terminated|Query read timeout|not queryable|closed/i.test(error.message);
  // After a failover an old connection may lead to what is a read-only standby now.
  return code === SQLSTATE.readOnly || /^(08|57P0|53300)/.test(code) || /^E[A-Z]+$/.test(code);
}

import { isNativeError } from 'node:util/types';

/** A failure of the embedded PostgreSQL, worded for the person who starts Latchkey: print the message, not the stack. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
}

// Not instanceof: jest runs the code in a realm of its own, where the errors of node:fs are not instances of Error.

/** The text of anything that was thrown. */
export function reasonOf(error: unknown): string {
  return isNativeError(error) ? error.message : String(error);
}

/** The `code` of a failed system call (`ENOENT`, `EACCES`), if there is one. */
export function codeOf(error: unknown): string | undefined {
  return isNativeError(error) ? (error as NodeJS.ErrnoException).code : undefined;
}

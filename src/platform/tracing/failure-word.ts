const WORD = /^\w{1,64}$/;

/**
 * What a trace says of an error: its code (an SQLSTATE, the system's, one of ours), or else its type. Messages stay out, since
 * PostgreSQL's and mail servers' repeat values.
 */
export function failureWord(error: unknown): string {
  if (typeof error !== 'object' || error === null) return typeof error;
  const { code, name } = error as { code?: unknown; name?: unknown };
  return ([code, name].find((word) => typeof word === 'string' && WORD.test(word)) as string) ?? 'Error';
}

import type { Statement } from './statement.js';

const OPENING = `SELECT r.* FROM (SELECT set_config('app.team_id', $1, true) AS team) x CROSS JOIN LATERAL (`;

/** Wraps a read so that the tenant of `$1` is set before the table is touched. */
export function inTenant(inner: string): string {
  return `${OPENING}${inner}) r`;
}

/** Whether a statement was made with {@link inTenant}. */
export function setsItsTenant(statement: Statement): boolean {
  return statement.text.startsWith(OPENING);
}

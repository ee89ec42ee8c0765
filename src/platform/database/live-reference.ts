import { notFound } from '../http/api-error.js';
import { isPgError, SQLSTATE } from './database-errors.js';
import type { Statement } from './statement.js';

/** Ends the unit of work unless the row is there and not archived; the share lock keeps it so until the commit. */
export function expectLive(teamId: string, table: string, id: string): Statement {
  return {
    name: `${table}:expect-live`,
    text: `SELECT latchkey.expect_live((SELECT count(*) FROM
      (SELECT FROM ${table} WHERE team_id = $1 AND id = $2 AND archived_at IS NULL FOR SHARE) r))`,
    values: [teamId, id],
  };
}

/** A referenced record that this team does not have: the same answer as for one that does not exist. */
export function missingReference(error: Error): Error | null {
  const missing: readonly string[] = [SQLSTATE.foreignKeyViolation, SQLSTATE.missingReference];
  return isPgError(error) && missing.includes(error.code) ? notFound() : null;
}

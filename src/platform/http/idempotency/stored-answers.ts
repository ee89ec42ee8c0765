import { validate as isUuid } from 'uuid';
import type { Statement } from '../../database/statement.js';

/** Answers of bulk routes name many records; more than this and the answer is not kept for replay at all. */
export const MAX_SUBJECTS = 1000;
const MAX_DEPTH = 4;

/** Ids of the records that an answer shows, so that erasing one of them finds its copies. */
export function subjectsOf(body: unknown, depth = 0): string[] {
  if (typeof body !== 'object' || body === null || depth > MAX_DEPTH) return [];
  const { id } = body as { id?: unknown };
  const own = typeof id === 'string' && isUuid(id) ? [id] : [];
  return [...new Set([...own, ...Object.values(body).flatMap((part) => subjectsOf(part, depth + 1))])];
}

/** Takes a record out of stored answers; their keys stay used, so that a late retry does not run twice. */
export function forgetAnswersAbout(teamId: string, subjectId: string): Statement {
  return {
    name: 'idempotency-forget-subject',
    text: `UPDATE idempotency_keys SET answer_sealed = NULL WHERE team_id = $1 AND $2::uuid = ANY (subject_ids)`,
    values: [teamId, subjectId],
  };
}

import { CONTENT_DIGEST, CREATED_AT, MAC, type RowMark } from './stored-row.js';

/**
 * All marks of a page from `audit_log a` as one text, a line each: the driver needs a microsecond for every value of a row, and every
 * row is read once for its seal. None of the values can contain a space; one that is null is empty.
 */
export const MARK_LINES = `string_agg(concat(a.team_id, ' ', a.id, ' ', ${CREATED_AT}, ' ', a.written_in, ' ', ${CONTENT_DIGEST}, ' ', ${MAC}), E'\\n' ORDER BY a.written_in, a.id)`;

/** @param lines null when there were no rows */
export function marksFrom(lines: string | null): RowMark[] {
  return lines === null ? [] : lines.split('\n').map(markFrom);
}

function markFrom(line: string): RowMark {
  const [teamId, id, createdAt, writtenIn, contentDigest, mac] = line.split(' ');
  return { teamId, id, createdAt, writtenIn, contentDigest: contentDigest || null, mac: mac || null };
}

import type { Statement } from './statement.js';

/** Statements on the blind index: tokens of live records only, so that archived ones neither match nor block. */
export function addTokens(teamId: string, subjectId: string, tokens: readonly string[]): Statement {
  return {
    name: 'blind-index:add',
    text: `INSERT INTO blind_index (team_id, token, subject_id) SELECT $1, token, $2 FROM unnest($3::uuid[]) token ON CONFLICT DO NOTHING`,
    values: [teamId, subjectId, tokens],
  };
}

export function removeTokens(teamId: string, subjectId: string, tokens: readonly string[]): Statement {
  return {
    name: 'blind-index:remove',
    text: `DELETE FROM blind_index WHERE team_id = $1 AND subject_id = $2 AND token = ANY($3::uuid[])`,
    values: [teamId, subjectId, tokens],
    // What was checked before may be refused for the sake of these tokens.
    afterChecks: true,
  };
}

/**
 * Ends the unit with the ids of other records that carry one of the tokens. The tokens are
 * parameters of their own: of an array PostgreSQL knows the length only once it has the value, and would plan the
 * statement anew each time, which costs more than all the rest of it. For the same reason the function is called only when there is
 * something to refuse, and an id may be named twice: see {@link RowIndex}.
 * @param tokens a few, as a record has unique values; there is one prepared statement per number of them
 */
export function refuseOthersWith(teamId: string, subjectId: string, tokens: readonly string[]): Statement {
  const wanted = tokens.map((_, i) => `$${i + 3}::uuid`).join(', ');
  return {
    name: `blind-index:refuse-duplicates:${tokens.length}`,
    text: `SELECT CASE WHEN ids <> '{}' THEN latchkey.refuse_duplicates(ids) END FROM (SELECT ARRAY(
      SELECT subject_id FROM blind_index WHERE team_id = $1 AND token IN (${wanted}) AND subject_id <> $2 LIMIT 20) AS ids OFFSET 0) others`,
    values: [teamId, subjectId, ...tokens],
    many: { place: 'last', build: refuseAnyWith },
  };
}

/** The same for many records of one team, which must not share a token with each other either. */
function refuseAnyWith(all: readonly (readonly unknown[])[]): Statement {
  const wanted = all.flatMap(([, subjectId, ...tokens]) =>
    tokens.map((token) => [token, subjectId] as const),
  );
  return {
    name: 'blind-index:refuse-any',
    text: `SELECT latchkey.refuse_duplicates(ARRAY(SELECT DISTINCT o.subject_id FROM unnest($2::uuid[], $3::uuid[]) w(token, subject_id)
      CROSS JOIN LATERAL (SELECT b.subject_id FROM blind_index b
        WHERE b.team_id = $1 AND b.token = w.token AND b.subject_id <> w.subject_id LIMIT 20) o LIMIT 20))`,
    values: [all[0][0], wanted.map(([token]) => token), wanted.map(([, subjectId]) => subjectId)],
  };
}

/** The records that carry these tokens. */
export function tokenHolders(teamId: string, tokens: readonly string[]): Statement {
  return {
    name: 'blind-index:holders',
    text: 'SELECT token, subject_id FROM blind_index WHERE team_id = $1 AND token = ANY($2::uuid[])',
    values: [teamId, tokens],
  };
}

import { invalidate } from '../../platform/database/invalidations.js';
import type { Statement } from '../../platform/database/statement.js';

interface Endings {
  readonly userId: string;
  /** All teams of the person. */
  readonly teamIds: readonly string[];
  /** The team that the unit of work is in, and stays in. */
  readonly homeTeamId: string;
  readonly reason: string;
  /** A session that goes on, or null. */
  readonly except: string | null;
}

/**
 * The statements that end a person's sessions in every team, at once and on every instance. A password belongs to
 * the person, not to a team, so the transaction visits each team in turn and comes back.
 */
export function endSessions({ userId, teamIds, homeTeamId, reason, except }: Endings): Statement[] {
  const visits = teamIds.flatMap((teamId) => [
    visit(teamId),
    {
      name: 'session:revoke-all',
      text: `UPDATE sessions SET revoked_at = now(), revoked_reason = $3
        WHERE team_id = $1 AND user_id = $2 AND revoked_at IS NULL AND id IS DISTINCT FROM $4::uuid`,
      values: [teamId, userId, reason, except],
    },
  ]);
  return [...visits, visit(homeTeamId), invalidate(`user:${userId}`)];
}

function visit(teamId: string): Statement {
  return { name: 'tenant:visit', text: `SELECT set_config('app.team_id', $1, true)`, values: [teamId] };
}

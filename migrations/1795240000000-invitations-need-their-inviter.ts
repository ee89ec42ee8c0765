import type { MigrationInterface, QueryRunner } from 'typeorm';
import { ownByLookup } from './support/lookup-function.js';
import { CURRENT_TEAM, CURRENT_USER_ID, IN_UNIT_OF_WORK } from './support/team-table.js';

/** Roles from the lowest up, so that a position is a rank. */
const RANK = (role: string): string => `array_position(ARRAY['viewer', 'agent', 'admin', 'owner'], ${role})`;

/** Somebody who may sign in and still stands at least as high as what they offered. */
const INVITER_STANDS = `
          AND EXISTS (
            SELECT FROM public.memberships by_member JOIN public.users by_user ON by_user.id = by_member.user_id
            WHERE by_member.team_id = i.team_id AND by_member.user_id = i.invited_by AND by_user.disabled_at IS NULL
              AND ${RANK('by_member.role')} >= ${RANK('i.role')}
          )`;

/**
 * An invitation is as good as whoever made it is now. Removing or lowering a member withdraws theirs, but one that is
 * made in that very moment would be missed, and would bring its maker back.
 */
export class InvitationsNeedTheirInviter1795240000000 implements MigrationInterface {
  name = 'InvitationsNeedTheirInviter1795240000000';

  async up(runner: QueryRunner): Promise<void> {
    await this.replaceLookup(runner, INVITER_STANDS);
    // Only a statement of the person themselves changes their account; members of a team see each other, no more.
    await runner.query(`
      ALTER POLICY users_update ON users USING (id = ${CURRENT_USER_ID}) WITH CHECK (id = ${CURRENT_USER_ID} AND ${IN_UNIT_OF_WORK});
      ALTER POLICY users_insert ON users WITH CHECK (id = ${CURRENT_USER_ID} AND ${IN_UNIT_OF_WORK});
    `);
  }

  private async replaceLookup(runner: QueryRunner, condition: string): Promise<void> {
    await runner.query(`
      DROP FUNCTION latchkey.find_invitation(bytea);
      CREATE FUNCTION latchkey.find_invitation(wanted bytea)
      RETURNS TABLE (team_id uuid, id uuid, email text, email_key text, role text, expires_at timestamptz, team_name text,
        user_id uuid, two_factor boolean, has_team boolean)
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        SELECT i.team_id, i.id, i.email, i.email_key, i.role, i.expires_at, t.name,
          u.id, u.two_factor_enabled_at IS NOT NULL, EXISTS (SELECT FROM public.memberships m WHERE m.user_id = u.id)
        FROM public.invitations i
        JOIN public.teams t ON t.id = i.team_id
        LEFT JOIN public.users u ON u.email_key = i.email_key
        WHERE i.token_hash = wanted AND i.archived_at IS NULL${condition}
      $$;
    `);
    await ownByLookup(runner, 'latchkey.find_invitation(bytea)');
  }

  async down(runner: QueryRunner): Promise<void> {
    const visible = `(id = ${CURRENT_USER_ID} OR EXISTS (SELECT FROM memberships m WHERE m.team_id = ${CURRENT_TEAM} AND m.user_id = users.id))`;
    await runner.query(`
      ALTER POLICY users_update ON users USING (${visible}) WITH CHECK (${visible} AND ${IN_UNIT_OF_WORK});
      ALTER POLICY users_insert ON users WITH CHECK (${visible} AND ${IN_UNIT_OF_WORK});
    `);
    await this.replaceLookup(runner, '');
  }
}

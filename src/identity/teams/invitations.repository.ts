import { Injectable } from '@nestjs/common';
import type { Role } from '../../platform/context/principal.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import { inTenant } from '../../platform/database/tenant-read.js';
import { TeamRepository } from '../../platform/database/team.repository.js';
import { TeamStore } from '../../platform/database/team-store.js';
import type { Statement } from '../../platform/database/statement.js';
import { Invitation, type OpenInvitation } from './invitation.entity.js';

/** Invitations of a team. The e-mail address stays out of the audit log. */
@Injectable()
export class InvitationsRepository extends TeamRepository<Invitation> {
  constructor(store: TeamStore) {
    super(store, Invitation, {
      resourceType: 'invitation',
      audited: ['role', 'invitedBy', 'expiresAt', 'acceptedAt'],
      personal: null,
    });
  }

  /** The user id of a member with this address, or null. */
  async findMember(context: RequestContext, emailKey: string): Promise<string | null> {
    const [row] = await this.store.database.runOne({
      name: 'invitation:find-member',
      text: inTenant(`SELECT u.id FROM memberships m JOIN users u ON u.id = m.user_id
        WHERE m.team_id = $1::uuid AND u.email_key = $2 AND x.team IS NOT NULL LIMIT 1`),
      values: [context.principal.teamId, emailKey],
    });
    return (row?.id as string | undefined) ?? null;
  }

  /** What a token opens; null when it was accepted, withdrawn, or never was. */
  async findByToken(tokenHash: Buffer): Promise<OpenInvitation | null> {
    const [row] = await this.store.database.runOne({
      name: 'invitation:find',
      text: 'SELECT * FROM latchkey.find_invitation($1)',
      values: [tokenHash],
    });
    if (!row) return null;
    const userId = row.user_id as string | null;
    return {
      teamId: row.team_id as string,
      id: row.id as string,
      email: row.email as string,
      emailKey: row.email_key as string,
      role: row.role as Role,
      expiresAt: row.expires_at as string,
      teamName: row.team_name as string,
      account:
        userId === null
          ? null
          : { userId, twoFactor: row.two_factor as boolean, hasTeam: row.has_team as boolean },
    };
  }

  /** Closes an invitation as accepted; ends the unit of work when somebody else was faster. */
  acceptance({ teamId, id }: OpenInvitation, at: string): Statement {
    return {
      name: 'invitation:accept',
      text: `WITH w AS (UPDATE invitations SET accepted_at = $3, archived_at = $3, updated_at = $3, version = version + 1
          WHERE team_id = $1 AND id = $2 AND archived_at IS NULL RETURNING 1)
        SELECT latchkey.expect_written((SELECT count(*) FROM w))`,
      values: [teamId, id, at],
    };
  }
}

import { Injectable } from '@nestjs/common';
import type { Role } from '../../platform/context/principal.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import { Database } from '../../platform/database/database.js';
import type { Row, Statement } from '../../platform/database/statement.js';
import type { MemberView } from './dto/member.view.js';

/** A member with what the rules about owners need. */
export interface MemberState {
  readonly view: MemberView;
  /** Owners beside this member who can sign in. */
  readonly otherOwners: number;
  /** Live API keys that this member made. */
  readonly apiKeyIds: readonly string[];
}

const COLUMNS = `m.user_id, m.role, m.version, m.created_at, u.name, u.email, u.email_verified_at, u.two_factor_enabled_at, u.disabled_at`;

/** The questions about who belongs to a team. */
@Injectable()
export class MemberStore {
  constructor(private readonly database: Database) {}

  /** Members in the order of their ids, one more than asked for. */
  async list(context: RequestContext, after: string | null, limit: number): Promise<MemberView[]> {
    const { teamId, userId } = context.principal;
    const [result] = await this.database.runIn({ teamId, userId }, [
      {
        name: 'member:list',
        text: `SELECT ${COLUMNS} FROM memberships m JOIN users u ON u.id = m.user_id
          WHERE m.team_id = $1 AND ($2::uuid IS NULL OR m.user_id > $2) ORDER BY m.user_id LIMIT $3`,
        values: [teamId, after, limit + 1],
      },
    ]);
    return (result?.rows ?? []).map(viewOf);
  }

  async find(context: RequestContext, memberId: string): Promise<MemberState | null> {
    const { teamId, userId } = context.principal;
    const [result] = await this.database.runIn({ teamId, userId }, [
      {
        name: 'member:find',
        text: `SELECT ${COLUMNS},
            (SELECT count(*) FROM memberships o JOIN users p ON p.id = o.user_id
              WHERE o.team_id = $1 AND o.role = 'owner' AND o.user_id <> $2 AND p.disabled_at IS NULL) AS other_owners,
            ARRAY(SELECT k.id FROM api_keys k WHERE k.team_id = $1 AND k.created_by = $2 AND k.revoked_at IS NULL)::text[] AS api_keys
          FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.team_id = $1 AND m.user_id = $2`,
        values: [teamId, memberId],
      },
    ]);
    const row = result?.rows[0];
    if (!row) return null;
    return {
      view: viewOf(row),
      otherOwners: row.other_owners as number,
      apiKeyIds: row.api_keys as string[],
    };
  }

  /** Ends the unit of work when the membership changed since it was read. */
  setRole(teamId: string, { userId, version }: MemberView, role: Role): Statement {
    return {
      name: 'member:set-role',
      text: `WITH w AS (UPDATE memberships SET role = $4, version = version + 1, updated_at = now()
          WHERE team_id = $1 AND user_id = $2 AND version = $3 RETURNING 1)
        SELECT latchkey.expect_written((SELECT count(*) FROM w))`,
      values: [teamId, userId, version, role],
    };
  }

  /** Removes the membership; its sessions, API keys and mailed tokens go with it, its records lose their owner. */
  remove(teamId: string, { userId, version }: MemberView): Statement {
    return {
      name: 'member:remove',
      text: `WITH w AS (DELETE FROM memberships WHERE team_id = $1 AND user_id = $2 AND version = $3 RETURNING 1)
        SELECT latchkey.expect_written((SELECT count(*) FROM w))`,
      values: [teamId, userId, version],
    };
  }

  /** Ends the unit of work when it would leave the team without an owner who can sign in. */
  expectOwner(teamId: string): Statement {
    return {
      name: 'member:expect-owner',
      text: `SELECT latchkey.expect_written((SELECT count(*) FROM memberships m JOIN users u ON u.id = m.user_id
        WHERE m.team_id = $1 AND m.role = 'owner' AND u.disabled_at IS NULL))`,
      values: [teamId],
    };
  }
}

function viewOf(row: Row): MemberView {
  return {
    userId: row.user_id as string,
    name: row.name as string,
    email: row.email as string,
    role: row.role as Role,
    emailVerifiedAt: row.email_verified_at as string | null,
    twoFactorEnabled: row.two_factor_enabled_at !== null,
    disabled: row.disabled_at !== null,
    version: row.version as number,
    joinedAt: row.created_at as string,
  };
}

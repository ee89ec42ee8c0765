import { Injectable } from '@nestjs/common';
import { newId } from '../../platform/crypto/new-id.js';
import type { Role } from '../../platform/context/principal.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import type { RecordedChange } from '../../platform/database/change-recorder.js';
import { invalidate } from '../../platform/database/invalidations.js';
import { ApiError, notFound } from '../../platform/http/api-error.js';
import { CursorSigner } from '../../platform/http/cursor.js';
import { assertIfMatch } from '../../platform/http/etag.js';
import { Page } from '../../platform/http/page.js';
import { roleRank } from '../scopes/scope-catalogue.js';
import type { MemberView, RemovedMemberView } from './dto/member.view.js';
import type { PageDto } from '../../platform/http/page.dto.js';
import { OwnedRecords } from './owned-records.js';
import { InvitationsService } from './invitations.service.js';
import { type MemberState, MemberStore } from './member-store.js';
import { assertWithinOwnRole, lastOwner } from './role-rules.js';

/** Who belongs to the team, and in which role. */
@Injectable()
export class MembersService {
  constructor(
    private readonly members: MemberStore,
    private readonly invitations: InvitationsService,
    private readonly records: OwnedRecords,
    private readonly cursors: CursorSigner,
  ) {}

  async list(context: RequestContext, { limit, cursor }: PageDto): Promise<Page<MemberView>> {
    const name = `members|${context.principal.teamId}`;
    const after = cursor === undefined ? null : (this.cursors.verify(name, cursor)[0] ?? null);
    const rows = await this.members.list(context, after, limit);
    const items = rows.slice(0, limit);
    const last = items.at(-1);
    const next = rows.length > limit && last ? this.cursors.sign(name, [last.userId]) : null;
    return new Page(items, next, limit);
  }

  /**
   * Gives a member another role. The table tells every instance: access tokens that say the old one are refused from the commit on; a refresh
   * brings one that says the new.
   * @throws ApiError 404, 412, 403 above the caller's own role, 409 `CONFLICT` for the last owner
   */
  async changeRole(
    context: RequestContext,
    userId: string,
    ifMatch: string | null,
    role: Role,
  ): Promise<MemberView> {
    const { teamId } = context.principal;
    assertWithinOwnRole(context.principal, role);
    const state = await this.get(context, userId);
    const { view } = state;
    assertIfMatch(ifMatch, view.version);
    assertWithinOwnRole(context.principal, view.role);
    if (view.role === role) {
      context.work.noChange('the member has this role');
      return view;
    }
    this.keepAnOwner(context, state);
    const change = membershipChange('UPDATE', userId, { role: view.role }, { role });
    context.work.stage({ statement: this.members.setRole(teamId, view, role), change });
    if (view.role === 'owner') {
      context.work.stage({ statement: this.members.expectOwner(teamId), change: null });
    }
    await this.invitations.withdrawOf(context, userId, (invited) => roleRank(invited) > roleRank(role));
    return { ...view, role, version: view.version + 1 };
  }

  /**
   * Takes somebody out of the team; oneself, in any role. Their sessions and API keys end with the commit, their
   * open invitations are withdrawn, and their records stay, owned by nobody; each says so in its history.
   * @throws ApiError 403, 404, 412, 409 `CONFLICT` for the last owner
   */
  async remove(context: RequestContext, userId: string, ifMatch: string | null): Promise<RemovedMemberView> {
    const { teamId, userId: callerId, scopes } = context.principal;
    if (userId !== callerId && !scopes.has('team:write')) {
      throw new ApiError('FORBIDDEN', 'Only owners and admins remove others.');
    }
    const state = await this.get(context, userId);
    const { view } = state;
    assertIfMatch(ifMatch, view.version);
    assertWithinOwnRole(context.principal, view.role);
    this.keepAnOwner(context, state);
    await this.records.release(context, userId);
    await this.invitations.withdrawOf(context, userId, () => true);
    const change = membershipChange('DELETE', userId, { role: view.role }, null);
    context.work.stage({ statement: this.members.remove(teamId, view), change });
    this.recordKeys(context, state);
    if (view.role === 'owner') {
      context.work.stage({ statement: this.members.expectOwner(teamId), change: null });
    }
    return { userId, removed: true };
  }

  private async get(context: RequestContext, userId: string): Promise<MemberState> {
    const state = await this.members.find(context, userId);
    if (!state) throw notFound();
    return state;
  }

  /** Two owners who remove each other take turns, so that the second meets the first one's commit. */
  private keepAnOwner(context: RequestContext, { view, otherOwners }: MemberState): void {
    if (view.role !== 'owner') return;
    if (otherOwners === 0) throw lastOwner();
    context.work.lock(`members|${context.principal.teamId}`);
  }

  /** The keys go by foreign key; each has a history of its own, which must say so. */
  private recordKeys(context: RequestContext, { view, apiKeyIds }: MemberState): void {
    for (const id of apiKeyIds) {
      context.work.stage({
        statement: invalidate(`api_key:${id}`),
        change: {
          id: newId(),
          action: 'DELETE',
          resourceType: 'api_key',
          resourceId: id,
          oldValues: { createdBy: view.userId },
          newValues: null,
          sealed: null,
        },
      });
    }
  }
}

function membershipChange(
  action: 'UPDATE' | 'DELETE',
  userId: string,
  oldValues: Record<string, unknown>,
  newValues: Record<string, unknown> | null,
): RecordedChange {
  return {
    id: newId(),
    action,
    resourceType: 'membership',
    resourceId: userId,
    oldValues,
    newValues,
    sealed: null,
  };
}

import { createHash, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock/clock.js';
import type { Role } from '../../platform/context/principal.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import { isPgError, SQLSTATE } from '../../platform/database/database-errors.js';
import type { Statement } from '../../platform/database/statement.js';
import { ApiError } from '../../platform/http/api-error.js';
import { assertIfMatch } from '../../platform/http/etag.js';
import type { Page } from '../../platform/http/page.js';
import { Mailer } from '../../platform/mail/mailer.service.js';
import { PublicAddress } from '../../platform/mail/public-address.js';
import { emailKey } from '../users/email-address.js';
import type { CreateInvitationDto } from './dto/invitation.dto.js';
import type { InvitationView, WithdrawnInvitationView } from './dto/invitation.view.js';
import type { PageDto } from '../../platform/http/page.dto.js';
import type { Invitation, OpenInvitation } from './invitation.entity.js';
import { InvitationsRepository } from './invitations.repository.js';
import { invitationMail } from './mails/invitation-mail.js';
import { assertWithinOwnRole } from './role-rules.js';
import { TeamService } from './team.service.js';

const TOKEN_BYTES = 32;
const LIFE_MS = 7 * 86_400_000;
/** Open invitations of one member are read this many at a time. */
const WITHDRAWN_AT_ONCE = 100;

/** Asking people into the team. */
@Injectable()
export class InvitationsService {
  constructor(
    private readonly invitations: InvitationsRepository,
    private readonly team: TeamService,
    private readonly mailer: Mailer,
    private readonly address: PublicAddress,
    private readonly clock: Clock,
  ) {}

  /** @throws ApiError 403 for a role above the caller's, 409 `DUPLICATE` for members and open invitations */
  async create(context: RequestContext, { email, role }: CreateInvitationDto): Promise<InvitationView> {
    assertWithinOwnRole(context.principal, role);
    const key = emailKey(email);
    const memberId = await this.invitations.findMember(context, key);
    if (memberId !== null) throw duplicate('This person is a member already.', memberId);
    await this.makeRoom(context, key);
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    const invitation = await this.invitations.create(context, {
      fields: {
        email,
        emailKey: key,
        role,
        tokenHash: hashOf(token),
        invitedBy: context.principal.userId,
        expiresAt: new Date(this.clock.nowMs() + LIFE_MS).toISOString(),
        acceptedAt: null,
      },
    });
    const { name } = await this.team.get(context);
    const content = invitationMail(name, role, this.address.page('/accept-invitation', token));
    context.work.stage({
      statement: this.mailer.send({ to: email, content }),
      change: null,
      explain: (error) =>
        isPgError(error) && error.code === SQLSTATE.uniqueViolation
          ? new ApiError('DUPLICATE', 'This person is invited already.')
          : null,
    });
    return this.viewOf(invitation);
  }

  async list(context: RequestContext, { limit, cursor }: PageDto): Promise<Page<InvitationView>> {
    const page = await this.invitations.list(context, query({}, limit, cursor ?? null));
    return page.map((invitation) => this.viewOf(invitation));
  }

  /** Makes the mailed token useless. @throws ApiError 404, 412 */
  async withdraw(
    context: RequestContext,
    id: string,
    ifMatch: string | null,
  ): Promise<WithdrawnInvitationView> {
    const invitation = await this.invitations.get(context, id);
    assertIfMatch(ifMatch, invitation.version);
    await this.invitations.archive(context, invitation);
    return { id, withdrawn: true };
  }

  /** Stages the withdrawal of what a member may no longer stand for. */
  async withdrawOf(context: RequestContext, memberId: string, ends: (role: Role) => boolean): Promise<void> {
    let cursor: string | null = null;
    do {
      const equal = { invitedBy: memberId };
      const page: Page<Invitation> = await this.invitations.list(
        context,
        query(equal, WITHDRAWN_AT_ONCE, cursor),
      );
      for (const invitation of page.items) {
        if (ends(invitation.role)) await this.invitations.archive(context, invitation);
      }
      cursor = page.nextCursor;
    } while (cursor !== null);
  }

  /** The invitation of a mailed token, or null when it is not good (any more). */
  async findByToken(token: string): Promise<OpenInvitation | null> {
    const invitation = await this.invitations.findByToken(hashOf(token));
    return invitation && Date.parse(invitation.expiresAt) > this.clock.nowMs() ? invitation : null;
  }

  /** The statement that closes an accepted invitation, once. */
  acceptance(invitation: OpenInvitation, at: string): Statement {
    return this.invitations.acceptance(invitation, at);
  }

  /** An expired invitation makes way for a new one. */
  private async makeRoom(context: RequestContext, key: string): Promise<void> {
    const { items } = await this.invitations.list(context, query({ emailKey: key }, 1, null));
    for (const open of items) {
      if (this.viewOf(open).status === 'pending') throw duplicate('This person is invited already.', open.id);
      await this.invitations.archive(context, open);
    }
  }

  private viewOf(invitation: Invitation): InvitationView {
    const { id, email, role, invitedBy, expiresAt, version, createdAt, updatedAt } = invitation;
    const status = Date.parse(expiresAt) > this.clock.nowMs() ? 'pending' : 'expired';
    return { id, email, role, status, invitedBy, expiresAt, version, createdAt, updatedAt };
  }
}

function query(equal: Record<string, string>, limit: number, cursor: string | null) {
  return { limit, cursor, sort: '-createdAt', equal, createdAfter: null, updatedAfter: null, tokens: [] };
}

function duplicate(message: string, id: string): ApiError {
  return new ApiError('DUPLICATE', message, { details: [{ field: 'id', message: id }] });
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

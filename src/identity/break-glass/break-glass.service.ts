import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { newId } from '../../platform/crypto/new-id.js';
import { SecurityEvents } from '../../oversight/security-events/security-events.service.js';
import { Clock } from '../../platform/clock/clock.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import { ChangeRecorder } from '../../platform/database/change-recorder.js';
import { Database, enter } from '../../platform/database/database.js';
import type { Statement } from '../../platform/database/statement.js';
import { notFound } from '../../platform/http/api-error.js';
import { Mailer } from '../../platform/mail/mailer.service.js';
import { AccessTokens } from '../auth/access-tokens.js';
import { breakGlassMail } from './break-glass-mail.js';
import type { BreakGlassDto, BreakGlassView } from './dto/break-glass.dto.js';

const LIFE_SECONDS = 1800;

interface Opened {
  readonly grantId: string;
  readonly teamId: string;
  readonly reason: string;
  readonly canWrite: boolean;
  readonly canSeePii: boolean;
  readonly expiresAt: string;
}

/** Opens a team for a platform admin, in that team's sight. */
@Injectable()
export class BreakGlassService {
  constructor(
    private readonly database: Database,
    private readonly recorder: ChangeRecorder,
    private readonly mailer: Mailer,
    private readonly tokens: AccessTokens,
    private readonly events: SecurityEvents,
    private readonly clock: Clock,
  ) {}

  /**
   * Grant, audit row and mails are one transaction of the team that is entered.
   * @throws ApiError 404 when there is no such team
   */
  async open(context: RequestContext, input: BreakGlassDto): Promise<BreakGlassView> {
    const teamId = input.teamId.toLowerCase();
    const { userId } = context.principal;
    const owners = await this.ownersOf(teamId);
    const opened: Opened = {
      grantId: newId(),
      teamId,
      reason: input.reason,
      canWrite: input.write ?? false,
      canSeePii: input.pii ?? false,
      expiresAt: new Date(this.clock.nowMs() + LIFE_SECONDS * 1000).toISOString(),
    };
    const content = breakGlassMail(opened);
    await this.database.run([
      enter({ teamId, userId }, randomUUID()),
      this.insertGrant(context, opened),
      ...this.auditRow(context, opened),
      ...owners.map((to) => this.mailer.send({ to, content })),
    ]);
    this.announce(context, opened);
    return this.viewOf(context, opened);
  }

  /** @throws ApiError 404 for a team without owners: there is none */
  private async ownersOf(teamId: string): Promise<string[]> {
    const [result] = await this.database.runIn({ teamId, userId: null }, [
      {
        name: 'break-glass:owners',
        text: `SELECT u.email FROM memberships m JOIN users u ON u.id = m.user_id
          WHERE m.team_id = $1 AND m.role = 'owner' AND u.disabled_at IS NULL LIMIT 100`,
        values: [teamId],
      },
    ]);
    const emails = (result?.rows ?? []).map((row) => row.email as string);
    if (emails.length === 0) throw notFound();
    return emails;
  }

  private insertGrant(context: RequestContext, opened: Opened): Statement {
    const { userId, homeTeamId, sessionId } = context.principal;
    return {
      name: 'break-glass:insert',
      text: `INSERT INTO break_glass_grants (team_id, id, user_id, home_team_id, session_id, reason, can_write, can_see_pii, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      values: [
        opened.teamId,
        opened.grantId,
        userId,
        homeTeamId,
        sessionId,
        opened.reason,
        opened.canWrite,
        opened.canSeePii,
        opened.expiresAt,
      ],
    };
  }

  private auditRow(context: RequestContext, opened: Opened): Statement[] {
    const { ipAddress, userAgent, requestId, principal } = context;
    const { reason, canWrite, canSeePii, expiresAt } = opened;
    const actor = {
      teamId: opened.teamId,
      userId: principal.userId,
      apiKeyId: null,
      authMethod: 'jwt' as const,
    };
    return this.recorder.statements({ ...actor, ipAddress, userAgent, requestId }, [
      {
        id: newId(),
        action: 'CREATE',
        resourceType: 'break_glass',
        resourceId: opened.grantId,
        oldValues: null,
        newValues: { reason, write: canWrite, pii: canSeePii, expiresAt },
        sealed: null,
      },
    ]);
  }

  private announce(context: RequestContext, opened: Opened): void {
    const { ipAddress, userAgent, requestId, principal } = context;
    const { reason, canWrite, canSeePii, expiresAt } = opened;
    this.events.record({
      type: 'break_glass',
      teamId: opened.teamId,
      userId: principal.userId,
      ipAddress,
      userAgent,
      requestId,
      details: { reason, write: canWrite, pii: canSeePii, expiresAt },
    });
  }

  private viewOf(context: RequestContext, opened: Opened): BreakGlassView {
    const { userId } = context.principal;
    const accessToken = this.tokens.sign(
      { sub: userId, sid: opened.grantId, team: opened.teamId, role: 'admin', act: { sub: userId } },
      LIFE_SECONDS,
    );
    return {
      accessToken,
      expiresIn: LIFE_SECONDS,
      grantId: opened.grantId,
      teamId: opened.teamId,
      write: opened.canWrite,
      pii: opened.canSeePii,
      expiresAt: opened.expiresAt,
    };
  }
}

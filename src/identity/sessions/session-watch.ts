import { Injectable } from '@nestjs/common';
import { SecurityEvents } from '../../oversight/security-events/security-events.service.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import type { Statement } from '../../platform/database/statement.js';
import { Log } from '../../platform/logging/log.js';
import type { MailContent } from '../../platform/mail/mail.js';
import { Mailer } from '../../platform/mail/mailer.service.js';
import { PublicAddress } from '../../platform/mail/public-address.js';
import type { Member } from '../users/user-directory.js';
import { deviceLabel } from './device-label.js';
import { type SessionNetworks, SessionReader } from './session-reader.js';

interface Whose {
  readonly teamId: string;
  readonly userId: string;
}

/** What is told to people and officers when sessions behave strangely. */
@Injectable()
export class SessionWatch {
  constructor(
    private readonly events: SecurityEvents,
    private readonly mailer: Mailer,
    private readonly address: PublicAddress,
    private readonly reader: SessionReader,
    private readonly log: Log,
  ) {}

  /** A spent refresh token came back: somebody copied it. */
  reused(context: RequestContext, session: Whose & { sessionId: string }): void {
    this.record(context, 'token_reused', session, { sessionId: session.sessionId });
  }

  /** The statement that tells the person so; it leaves with the transaction that ends the session. */
  reuseMail(context: RequestContext, member: Member): Statement {
    return this.mailer.send({
      to: member.user.email,
      content: reuseContent(context, this.address.page('/sessions')),
    });
  }

  csrfFailed(context: RequestContext, session: Whose): void {
    this.record(context, 'csrf_failed', session, {});
  }

  /** Judges a sign-in by where the person was seen before; nobody waits for it. */
  signedIn(context: RequestContext, session: Whose & { sessionId: string }): void {
    this.reader
      .networks(session, context.ipAddress)
      .then((networks) => this.judge(context, session, networks))
      .catch((err: unknown) => this.log.warn({ err }, 'a sign-in could not be compared with earlier ones'));
  }

  /** Somebody ended a session before its time; `sessionId` is left out when it was all of them. */
  ended(context: RequestContext, whose: Whose & { sessionId?: string }, reason: string): void {
    const { sessionId } = whose;
    this.record(context, 'session_revoked', whose, sessionId ? { sessionId, reason } : { reason });
  }

  private judge(context: RequestContext, whose: Whose, { current, live, seen }: SessionNetworks): void {
    if (current === null) return;
    const others = live.filter((network) => network !== current);
    if (others.length > 0) {
      this.record(context, 'concurrent_sessions', whose, { networks: others.length + 1, other: others[0] });
    }
    if (seen.length > 0 && !seen.includes(current)) {
      this.record(context, 'unusual_ip', whose, { network: current });
    }
  }

  private record(
    context: RequestContext,
    type: 'token_reused' | 'csrf_failed' | 'concurrent_sessions' | 'unusual_ip' | 'session_revoked',
    { teamId, userId }: Whose,
    details: Record<string, string | number>,
  ): void {
    const { ipAddress, userAgent, requestId } = context;
    this.events.record({ type, teamId, userId, ipAddress, userAgent, requestId, details });
  }
}

function reuseContent(context: RequestContext, url: string): MailContent {
  return {
    kind: 'token-reused',
    subject: 'We ended one of your sessions',
    paragraphs: [
      'A sign-in token of yours that had already been exchanged was presented a second time. That happens when somebody has copied it, so we ended the session it belongs to.',
      'Sign in again, look through your sessions, and end those you do not know. If in doubt, change your password.',
    ],
    facts: [
      ['Presented from', context.ipAddress],
      ['With', deviceLabel(context.userAgent)],
    ],
    action: { label: 'Look through my sessions', url },
  };
}

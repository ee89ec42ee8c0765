import { Injectable } from '@nestjs/common';
import ical, { ICalCalendarMethod, ICalEventStatus } from 'ical-generator';
import { Clock } from '../../platform/clock/clock.js';
import { Config } from '../../platform/config/config.js';
import { RequestContext } from '../../platform/context/request-context.js';
import { ApiError, notFound } from '../../platform/http/api-error.js';
import { AppointmentsService } from '../appointments/appointments.service.js';
import { ClientsService } from '../clients/clients.service.js';
import { LeadsService } from '../leads/leads.service.js';
import { type CalendarOwner, CalendarTokens } from './calendar-tokens.js';
import type { CalendarTokenView } from './dto/calendar-token.view.js';
import { maskFreeText } from './free-text-mask.js';

const DAY_MS = 86_400_000;
const PAST_DAYS = 30;
const FUTURE_DAYS = 365;
const MAX_EVENTS = 1000;

/** The feed of one person's appointments, for a calendar program that can only fetch an address. */
@Injectable()
export class CalendarService {
  constructor(
    private readonly tokens: CalendarTokens,
    private readonly appointments: AppointmentsService,
    private readonly clients: ClientsService,
    private readonly leads: LeadsService,
    private readonly config: Config,
    private readonly clock: Clock,
  ) {}

  /** A new link, which is shown once; an earlier one stops working. */
  issue(context: RequestContext): CalendarTokenView {
    const createdAt = this.clock.nowIso();
    const token = this.tokens.issue(context, createdAt);
    const url = new URL(`/v1/appointments/calendar.ics?token=${token}`, this.base()).toString();
    return { token, url, createdAt };
  }

  /** @throws ApiError 404 when there is no link */
  async revoke(context: RequestContext): Promise<{ revoked: boolean }> {
    if (!(await this.tokens.exists(context))) throw notFound();
    this.tokens.revoke(context);
    return { revoked: true };
  }

  /**
   * The appointments of the token's owner as iCalendar (RFC 5545), a month back and a year ahead. The address
   * ends up in other people's programs, so the text is masked whatever the owner may see.
   * @throws ApiError 401 for a token that is wrong, revoked, older than its owner's password, or whose owner left the team
   */
  async feed(request: RequestContext, token: string): Promise<string> {
    const owner = await this.tokens.find(token);
    if (!owner) throw new ApiError('UNAUTHENTICATED', 'The calendar link is not valid.');
    const context = contextOf(request, owner);
    const events = await this.upcoming(context, owner.userId);
    const names = await this.lastNames(context, events);
    const calendar = ical({ name: 'Appointments', prodId: '//Latchkey//Appointments//EN' });
    calendar.method(ICalCalendarMethod.PUBLISH);
    for (const event of events) {
      const about = names.get(event.clientId ?? event.leadId ?? '');
      const mask = (text: string): string => maskFreeText(text, about === undefined ? [] : [about]);
      calendar.createEvent({
        id: `${event.id}@latchkey`,
        sequence: event.version - 1,
        start: new Date(event.startsAt),
        end: new Date(event.endsAt),
        stamp: new Date(event.updatedAt),
        summary: mask(event.title),
        location: event.location === null ? null : mask(event.location),
        status: event.status === 'cancelled' ? ICalEventStatus.CANCELLED : ICalEventStatus.CONFIRMED,
      });
    }
    return calendar.toString();
  }

  private base(): string {
    return this.config.publicBaseUrl ?? `http://${this.config.host}:${this.config.port}`;
  }

  private async upcoming(context: RequestContext, ownerId: string) {
    const nowMs = this.clock.nowMs();
    const range = {
      startsAfter: new Date(nowMs - PAST_DAYS * DAY_MS).toISOString(),
      startsBefore: new Date(nowMs + FUTURE_DAYS * DAY_MS).toISOString(),
    };
    const found = [];
    let cursor: string | undefined;
    do {
      const page = await this.appointments.list(context, { limit: 100, ownerId, ...range, cursor });
      found.push(...page.items);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined && found.length < MAX_EVENTS);
    return found;
  }

  /** Last names of the people the appointments are with, by their ids. */
  private async lastNames(
    context: RequestContext,
    events: readonly { clientId: string | null; leadId: string | null }[],
  ): Promise<Map<string, string>> {
    const clients = await this.clients.lastNamesOf(context, ids(events.map((event) => event.clientId)));
    const leads = await this.leads.lastNamesOf(context, ids(events.map((event) => event.leadId)));
    return new Map([...clients, ...leads]);
  }
}

function ids(values: readonly (string | null)[]): string[] {
  return [...new Set(values.filter((id) => id !== null))];
}

/** The owner as a caller who sees appointments and nothing unmasked. */
function contextOf(
  request: RequestContext,
  { teamId, userId, role, defaultRegion }: CalendarOwner,
): RequestContext {
  const context = new RequestContext(request.requestId, request.ipAddress, request.userAgent);
  context.authenticate({
    kind: 'user',
    authMethod: 'jwt',
    userId,
    teamId,
    homeTeamId: teamId,
    role,
    scopes: new Set(['appointments:read']),
    apiKeyId: null,
    sessionId: null,
    authenticatedAtMs: null,
    twoFactorEnabled: false,
    platformAdmin: false,
    defaultRegion,
    rateLimitPerMinute: null,
  });
  return context;
}

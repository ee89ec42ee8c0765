import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { v7 as uuidv7 } from 'uuid';
import type { RequestContext } from '../../platform/context/request-context.js';
import { Database, enter } from '../../platform/database/database.js';
import { Log } from '../../platform/logging/log.js';
import type { MailContent } from '../../platform/mail/mail.js';
import { Mailer } from '../../platform/mail/mailer.service.js';
import type { EventRow } from '../security-events/event-buffer.js';
import { SEVERITIES } from '../security-events/event-types.js';
import { SecurityEvents } from '../security-events/security-events.service.js';
import type { AlertSettingsDto, AlertSettingsView } from './dto/alert-settings.dto.js';

/** One mail for a type of event in this time; the list in the API has the rest. */
const QUIET_MS = 15 * 60_000;
const MAX_QUIET = 20_000;
/** Until a team says otherwise nobody is mailed. */
const DEFAULTS: AlertSettingsView = { minSeverity: 'high', emails: [], types: [] };

/** Tells people of a team about its security events, as the team's settings say. */
@Injectable()
export class Alerts {
  private readonly quiet = new LRUCache<string, true>({ max: MAX_QUIET, ttl: QUIET_MS });

  constructor(
    private readonly database: Database,
    private readonly mailer: Mailer,
    private readonly log: Log,
    events: SecurityEvents,
  ) {
    events.subscribe((_event, row) => {
      if (row && row.teamId !== null) void this.consider(row, row.teamId);
    });
  }

  /** The settings of the caller's team. */
  settings(context: RequestContext): Promise<AlertSettingsView> {
    return this.load(context.principal.teamId);
  }

  /** Stages new settings in place of the old ones. */
  async replace(context: RequestContext, input: AlertSettingsDto): Promise<AlertSettingsView> {
    const { teamId } = context.principal;
    const before = await this.load(teamId);
    const after: AlertSettingsView = {
      minSeverity: input.minSeverity,
      emails: input.emails,
      types: input.types,
    };
    if (JSON.stringify(before) === JSON.stringify(after)) {
      context.work.noChange('the settings are the same');
      return after;
    }
    const text = `INSERT INTO alert_settings (team_id, min_severity, emails, types) VALUES ($1, $2, $3, $4)
      ON CONFLICT (team_id) DO UPDATE SET min_severity = excluded.min_severity, emails = excluded.emails,
        types = excluded.types, updated_at = now()`;
    const values = [teamId, after.minSeverity, JSON.stringify(after.emails), JSON.stringify(after.types)];
    context.work.stage({
      statement: { name: 'alerts:replace', text, values },
      change: {
        id: uuidv7(),
        action: 'UPDATE',
        resourceType: 'alert_settings',
        resourceId: teamId,
        // Addresses are personal data: how many says enough.
        oldValues: { minSeverity: before.minSeverity, recipients: before.emails.length, types: before.types },
        newValues: { minSeverity: after.minSeverity, recipients: after.emails.length, types: after.types },
        sealed: null,
      },
    });
    return after;
  }

  private async load(teamId: string): Promise<AlertSettingsView> {
    const text = 'SELECT min_severity, emails, types FROM alert_settings WHERE team_id = $1';
    const statement = { name: 'alerts:load', text, values: [teamId] };
    const [result] = await this.database.runIn({ teamId, userId: null }, [statement]);
    const row = result?.rows[0];
    if (!row) return DEFAULTS;
    return {
      minSeverity: row.min_severity as AlertSettingsView['minSeverity'],
      emails: row.emails as string[],
      types: row.types as string[],
    };
  }

  /** Never in the way of a request: a failure is logged, and the event itself is kept anyway. */
  private async consider(row: EventRow, teamId: string): Promise<void> {
    const key = `${teamId}|${row.type}|${row.severity}`;
    if (this.quiet.has(key)) return;
    this.quiet.set(key, true);
    try {
      const settings = await this.load(teamId);
      const wanted =
        SEVERITIES.indexOf(row.severity) >= SEVERITIES.indexOf(settings.minSeverity) &&
        (settings.types.length === 0 || settings.types.includes(row.type));
      if (!wanted || settings.emails.length === 0) {
        this.quiet.delete(key);
        return;
      }
      const content = alertMail(row);
      const mails = settings.emails.map((to) => this.mailer.send({ to, content }));
      await this.database.run([enter({ teamId, userId: null }, randomUUID()), ...mails]);
    } catch (error) {
      this.quiet.delete(key);
      this.log.error({ err: error, type: row.type }, 'an alert could not be sent');
    }
  }
}

function alertMail(row: EventRow): MailContent {
  return {
    kind: 'security-alert',
    subject: `Security event: ${row.type.replaceAll('_', ' ')} (${row.severity})`,
    paragraphs: ['Something happened in your team that you asked to be told of.'],
    facts: [
      ['Event', row.type],
      ['Severity', row.severity],
      ['Time', new Date(row.createdAtMs).toISOString()],
      ['Address', row.ipAddress ?? 'unknown'],
      ['Request', row.requestId ?? 'none'],
    ],
    closing:
      'More of the same within 15 minutes is not mailed again; the list of security events has it all.',
  };
}

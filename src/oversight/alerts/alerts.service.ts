import { randomBytes, randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import type { RequestContext } from '../../platform/context/request-context.js';
import { Config } from '../../platform/config/config.js';
import { Database, enter } from '../../platform/database/database.js';
import type { Statement } from '../../platform/database/statement.js';
import { invalidField } from '../../platform/http/api-error.js';
import { Log } from '../../platform/logging/log.js';
import { Mailer } from '../../platform/mail/mailer.service.js';
import { OutboundGuard, OutboundRefusedError } from '../../platform/net/outbound-url.js';
import type { EventRow } from '../security-events/event-buffer.js';
import { SEVERITIES } from '../security-events/event-types.js';
import { SecurityEvents } from '../security-events/security-events.service.js';
import { alertMail, alertMessage } from './alert-messages.js';
import { type AlertSettings, AlertSettingsStore, type AlertWebhook } from './alert-settings-store.js';
import { AlertWebhooks } from './alert-webhooks.js';
import type {
  AlertSettingsDto,
  AlertSettingsView,
  ReplacedAlertSettingsView,
} from './dto/alert-settings.dto.js';

/** One mail for a type of event in this time; the list in the API has the rest. */
const QUIET_MS = 15 * 60_000;
const MAX_QUIET = 20_000;
const SECRET_BYTES = 32;

/** Tells people of a team about its security events, as the team's settings say. */
@Injectable()
export class Alerts {
  private readonly quiet = new LRUCache<string, true>({ max: MAX_QUIET, ttl: QUIET_MS });

  constructor(
    private readonly store: AlertSettingsStore,
    private readonly webhooks: AlertWebhooks,
    private readonly guard: OutboundGuard,
    private readonly database: Database,
    private readonly mailer: Mailer,
    private readonly config: Config,
    private readonly log: Log,
    events: SecurityEvents,
  ) {
    events.subscribe((_event, row) => {
      if (row) void this.consider(row);
    });
  }

  /** The settings of the caller's team. */
  async settings(context: RequestContext): Promise<AlertSettingsView> {
    return viewOf(await this.store.load(context.principal.teamId));
  }

  /**
   * Stages new settings in place of the old ones.
   * @throws ApiError 400 naming `webhookUrl` when it may not be called, or is not there to rotate its secret
   */
  async replace(context: RequestContext, input: AlertSettingsDto): Promise<ReplacedAlertSettingsView> {
    const before = await this.store.load(context.principal.teamId);
    const after: AlertSettings = {
      ...before,
      minSeverity: input.minSeverity,
      emails: input.emails,
      types: input.types,
      digest: input.digest ?? before.digest,
      webhook: this.webhookOf(before.webhook, input),
    };
    if (JSON.stringify(before) === JSON.stringify(after)) context.work.noChange('the settings are the same');
    else await this.store.stage(context, before, after);
    const isNew = after.webhook !== before.webhook;
    return { ...viewOf(after), webhookSecret: isNew ? (after.webhook?.secret ?? null) : null };
  }

  private webhookOf(before: AlertWebhook | null, input: AlertSettingsDto): AlertWebhook | null {
    const { webhookUrl, rotateWebhookSecret = false } = input;
    if (webhookUrl === null) return null;
    const url = webhookUrl ?? before?.url;
    if (url === undefined) {
      if (rotateWebhookSecret) throw invalidField('rotateWebhookSecret', 'there is no webhook');
      return null;
    }
    if (before?.url === url && !rotateWebhookSecret) return before;
    try {
      this.guard.read(url, this.guard.forTeams);
    } catch (error) {
      if (error instanceof OutboundRefusedError) throw invalidField('webhookUrl', error.reason);
      throw error;
    }
    return { url, secret: `whsec_${randomBytes(SECRET_BYTES).toString('base64')}` };
  }

  /** Never in the way of a request: a failure is logged, and the event itself is kept anyway. */
  private async consider(row: EventRow): Promise<void> {
    const key = `${row.teamId ?? ''}|${row.type}|${row.severity}`;
    if (this.quiet.has(key)) return;
    this.quiet.set(key, true);
    try {
      const { teamId } = row;
      const statements = teamId === null ? this.forOperator(row) : await this.forTeam(row, teamId);
      if (statements.length > 0) await this.database.run(statements);
      else this.quiet.delete(key);
    } catch (error) {
      this.quiet.delete(key);
      this.log.error({ err: error, type: row.type }, 'an alert could not be sent');
    }
  }

  private async forTeam(row: EventRow, teamId: string): Promise<Statement[]> {
    const settings = await this.store.load(teamId);
    const wanted =
      SEVERITIES.indexOf(row.severity) >= SEVERITIES.indexOf(settings.minSeverity) &&
      (settings.types.length === 0 || settings.types.includes(row.type));
    if (!wanted || (settings.emails.length === 0 && settings.webhook === null)) return [];
    const content = alertMail(row);
    return [
      enter({ teamId, userId: null }, randomUUID()),
      ...settings.emails.map((to) => this.mailer.send({ to, content })),
      ...(settings.webhook === null ? [] : [this.webhooks.send(teamId, alertMessage(row))]),
    ];
  }

  /** What is critical and of no team. Less than that, scanners alone would fill the mailbox. */
  private forOperator(row: EventRow): Statement[] {
    if (row.severity !== 'critical') return [];
    const content = alertMail(row);
    return this.config.platformAlertEmails.map((to) => this.mailer.send({ to, content }));
  }
}

function viewOf({ minSeverity, emails, types, digest, webhook }: AlertSettings): AlertSettingsView {
  return {
    minSeverity,
    emails: [...emails],
    types: [...types],
    digest,
    webhookHost: webhook === null ? null : new URL(webhook.url).host,
  };
}

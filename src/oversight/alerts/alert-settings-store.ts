import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { newId } from '../../platform/crypto/new-id.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import { SubjectCipher } from '../../platform/crypto/subject-cipher.js';
import { Database } from '../../platform/database/database.js';
import type { Row } from '../../platform/database/statement.js';
import type { Severity } from '../security-events/event-types.js';

const PLACE = 'alert_settings|webhook';

/** Where alerts are posted to. The URL is as secret as the key: many receivers put a token into it. */
export interface AlertWebhook {
  readonly url: string;
  /** `whsec_…` */
  readonly secret: string;
}

export interface AlertSettings {
  readonly minSeverity: Severity;
  readonly emails: readonly string[];
  readonly types: readonly string[];
  readonly digest: boolean;
  readonly webhook: AlertWebhook | null;
  /** Names the data key that seals the webhook. */
  readonly webhookSubject: string | null;
}

/** Until a team says otherwise nobody is told. */
const DEFAULTS: AlertSettings = {
  minSeverity: 'high',
  emails: [],
  types: [],
  digest: false,
  webhook: null,
  webhookSubject: null,
};

@Injectable()
export class AlertSettingsStore {
  constructor(
    private readonly database: Database,
    private readonly cipher: SubjectCipher,
  ) {}

  async load(teamId: string): Promise<AlertSettings> {
    const text = `SELECT s.min_severity, s.emails, s.types, s.digest, s.webhook, s.webhook_subject, k.wrapped FROM alert_settings s
      LEFT JOIN data_keys k ON k.team_id = s.team_id AND k.subject_id = s.webhook_subject WHERE s.team_id = $1`;
    const statement = { name: 'alerts:load', text, values: [teamId] };
    const [result] = await this.database.runIn({ teamId, userId: null }, [statement]);
    const row = result?.rows[0];
    if (!row) return DEFAULTS;
    return {
      minSeverity: row.min_severity as Severity,
      emails: row.emails as string[],
      types: row.types as string[],
      digest: row.digest as boolean,
      webhook: this.open(teamId, row),
      webhookSubject: row.webhook_subject as string | null,
    };
  }

  /** Stages `after` in place of `before`, with what the audit log says of it. */
  async stage(context: RequestContext, before: AlertSettings, after: AlertSettings): Promise<void> {
    const { teamId } = context.principal;
    const sealed = this.stageWebhook(context, before, after);
    const text = `INSERT INTO alert_settings (team_id, min_severity, emails, types, digest, webhook, webhook_subject)
      VALUES ($1, $2, $3, $4, $5, $6, $7)
      ON CONFLICT (team_id) DO UPDATE SET min_severity = excluded.min_severity, emails = excluded.emails,
        types = excluded.types, digest = excluded.digest, updated_at = now(),
        webhook_subject = CASE WHEN $8 THEN alert_settings.webhook_subject ELSE excluded.webhook_subject END,
        webhook = CASE WHEN $8 THEN alert_settings.webhook ELSE excluded.webhook END`;
    const { minSeverity, emails, types, digest } = after;
    const kept = sealed === 'kept';
    const values = [
      teamId,
      minSeverity,
      JSON.stringify(emails),
      JSON.stringify(types),
      digest,
      kept ? null : sealed.webhook,
      kept ? null : sealed.subject,
      kept,
    ];
    context.work.stage({
      statement: { name: 'alerts:replace', text, values },
      change: {
        id: newId(),
        action: 'UPDATE',
        resourceType: 'alert_settings',
        resourceId: teamId,
        oldValues: await this.audited(teamId, before),
        newValues: await this.audited(teamId, after),
        sealed: null,
      },
    });
  }

  /** A new webhook gets a data key of its own, and the key of the old one goes. */
  private stageWebhook(
    context: RequestContext,
    before: AlertSettings,
    after: AlertSettings,
  ): 'kept' | { webhook: Buffer | null; subject: string | null } {
    if (after.webhook === before.webhook && after.webhook !== null) return 'kept';
    const { teamId } = context.principal;
    if (before.webhookSubject !== null) {
      const text = 'DELETE FROM data_keys WHERE team_id = $1 AND subject_id = $2';
      const values = [teamId, before.webhookSubject];
      context.work.stage({ statement: { name: 'alerts:drop-key', text, values }, change: null });
    }
    if (after.webhook === null) return { webhook: null, subject: null };
    const subject = randomUUID();
    const { key, wrapped, masterKeyId } = this.cipher.create(teamId, subject);
    const text = `INSERT INTO data_keys (team_id, subject_id, subject_type, wrapped, master_key_id)
      VALUES ($1, $2, 'alert_webhooks', $3, $4)`;
    const values = [teamId, subject, wrapped, masterKeyId];
    context.work.stage({ statement: { name: 'alerts:add-key', text, values }, change: null });
    return { webhook: key.seal(JSON.stringify(after.webhook), PLACE), subject };
  }

  /** Addresses are personal data: how many says enough. Of the webhook its host, and a keyed hash of the secret. */
  private async audited(teamId: string, settings: AlertSettings): Promise<Record<string, unknown>> {
    const { minSeverity, emails, types, digest, webhook } = settings;
    const fingerprint =
      webhook === null
        ? null
        : await this.cipher.fingerprint(teamId, 'alert-webhook', JSON.stringify(webhook));
    return {
      minSeverity,
      recipients: emails.length,
      types,
      digest,
      webhookHost: webhook === null ? null : new URL(webhook.url).host,
      webhook: fingerprint?.toString('hex').slice(0, 16) ?? null,
    };
  }

  private open(teamId: string, row: Row): AlertWebhook | null {
    if (row.webhook === null || row.wrapped === null) return null;
    const key = this.cipher.unwrap(teamId, row.webhook_subject as string, row.wrapped as Buffer);
    return JSON.parse(key.open(row.webhook as Buffer, PLACE)) as AlertWebhook;
  }
}

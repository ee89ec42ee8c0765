import { Injectable } from '@nestjs/common';
import { newId } from '../../platform/crypto/new-id.js';
import { Clock } from '../../platform/clock/clock.js';
import type { Statement } from '../../platform/database/statement.js';
import type { Job } from '../../platform/jobs/job.js';
import { Jobs } from '../../platform/jobs/jobs.service.js';
import { OutboundHttp } from '../../platform/net/outbound-http.js';
import { OutboundGuard } from '../../platform/net/outbound-url.js';
import { webhookHeaders } from '../../platform/net/standard-webhooks.js';
import { AlertSettingsStore } from './alert-settings-store.js';

const JOB = 'alert-webhook';
/** 15 s, doubled seven times: the last try is about half an hour after the first, as with mail. */
const OPTIONS = { concurrency: 4, retryLimit: 7, retryDelaySeconds: 15, timeoutSeconds: 30 };

/** What is posted; see "Webhook payload" of Standard Webhooks. */
export interface AlertMessage {
  readonly type: 'security_event.alert' | 'security_events.digest';
  /** ISO 8601: when it happened. */
  readonly timestamp: string;
  readonly data: object;
}

interface Delivery {
  readonly teamId: string;
  readonly id: string;
  readonly message: AlertMessage;
}

/** The receiver answered with something else than 2xx. */
class WebhookRefusedError extends Error {
  readonly code: string;

  constructor(status: number) {
    super('the alert webhook did not accept a message');
    this.name = 'WebhookRefusedError';
    this.code = `HTTP_${status}`;
  }
}

/** Posts to the webhooks of teams, as jobs. */
@Injectable()
export class AlertWebhooks {
  constructor(
    private readonly settings: AlertSettingsStore,
    private readonly http: OutboundHttp,
    private readonly guard: OutboundGuard,
    private readonly clock: Clock,
    private readonly jobs: Jobs,
  ) {
    jobs.handle<Delivery>(JOB, (job) => this.deliver(job), OPTIONS);
  }

  /** The statement that posts a message to the team's webhook, if it still has one then. */
  send(teamId: string, message: AlertMessage): Statement {
    const data: Delivery = { teamId, id: `msg_${newId()}`, message };
    return this.jobs.enqueue({ name: JOB, data });
  }

  private async deliver({ data: { teamId, id, message }, signal }: Job<Delivery>): Promise<void> {
    const { webhook } = await this.settings.load(teamId);
    if (webhook === null) return;
    const body = Buffer.from(JSON.stringify(message));
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'Latchkey',
      ...webhookHeaders([webhook.secret], id, this.clock.nowMs(), body),
    };
    const policy = this.guard.forTeams;
    const { url } = webhook;
    const { status } = await this.http.send({ url, policy, method: 'POST', headers, body, signal });
    if (status < 200 || status > 299) throw new WebhookRefusedError(status);
  }
}

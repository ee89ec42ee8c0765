import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock/clock.js';
import { Jobs } from '../../platform/jobs/jobs.service.js';
import { Mailer } from '../../platform/mail/mailer.service.js';
import { PublicAddress } from '../../platform/mail/public-address.js';
import { DAY_MS } from './api-key-rules.js';
import { expiryWarningMail } from './expiry-warning.mail.js';
import { type DueWarning, ExpiryWarningStore } from './expiry-warning.store.js';

/** Days before its end at which a key's people hear of it. */
const WARN_DAYS_BEFORE = [7, 1];
const EVERY_SECONDS = 300;
const BATCH = 100;
const USE_KEPT_DAYS = 90;

/** Warns of keys that are about to expire, each warning once however many workers run. */
@Injectable()
export class ExpiryWarnings {
  constructor(
    jobs: Jobs,
    private readonly store: ExpiryWarningStore,
    private readonly mailer: Mailer,
    private readonly address: PublicAddress,
    private readonly clock: Clock,
  ) {
    jobs.every('api-key-expiry', EVERY_SECONDS, async () => {
      await this.run();
    });
  }

  /** Sends every warning that is due, and lets go of old usage. @returns how many this worker sent */
  async run(): Promise<number> {
    let sent = 0;
    for (;;) {
      const due = await this.store.due(this.clock.nowIso(), WARN_DAYS_BEFORE, BATCH);
      for (const warning of due) if (await this.warn(warning)) sent++;
      if (due.length < BATCH) break;
    }
    await this.store.forgetUseBefore(new Date(this.clock.nowMs() - USE_KEPT_DAYS * DAY_MS).toISOString());
    return sent;
  }

  private async warn(warning: DueWarning): Promise<boolean> {
    const url = this.address.page('/api-keys');
    const recipients = await this.store.recipients(warning);
    const mails = recipients.map((recipient) =>
      this.mailer.send({ to: recipient.email, content: expiryWarningMail(warning, recipient, url) }),
    );
    return this.store.claim(warning, this.clock.nowIso(), mails);
  }
}

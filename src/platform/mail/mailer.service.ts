import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Statement } from '../database/statement.js';
import type { Job } from '../jobs/job.js';
import { Jobs } from '../jobs/jobs.service.js';
import { Log } from '../logging/log.js';
import type { Mail } from './mail.js';
import { MailTransport } from './mail-transport.js';
import { renderMail } from './render-mail.js';

const JOB = 'mail';
/** 15 s, doubled seven times: the last try is about half an hour after the first. */
const OPTIONS = { concurrency: 5, retryLimit: 7, retryDelaySeconds: 15, timeoutSeconds: 60 };

/** Sends mail, as jobs. */
@Injectable()
export class Mailer implements OnApplicationShutdown {
  constructor(
    private readonly jobs: Jobs,
    private readonly transport: MailTransport,
    private readonly log: Log,
  ) {
    jobs.handle<Mail>(JOB, (job) => this.deliver(job), OPTIONS);
  }

  /** The statement that sends a mail; stage it in the unit of work, so that it leaves if and only if that commits. */
  send(mail: Mail): Statement {
    return this.jobs.enqueue({ name: JOB, data: mail });
  }

  onApplicationShutdown(): void {
    this.transport.close();
  }

  private async deliver({ id, data: { to, content } }: Job<Mail>): Promise<void> {
    const { kind } = content;
    try {
      await this.transport.deliver({ ...renderMail(content), to, kind, id });
      this.log.info({ mail: kind, jobId: id }, 'mail handed over');
    } catch (error) {
      if (!isFinal(error)) throw error;
      this.log.error({ mail: kind, jobId: id }, 'the mail server refused the recipient for good');
    }
  }
}

/** The server knows that this recipient does not exist (RFC 5321, 5yz to RCPT); trying again annoys it. */
function isFinal(error: unknown): boolean {
  const { code, responseCode } = error as { code?: unknown; responseCode?: unknown };
  return code === 'EENVELOPE' && typeof responseCode === 'number' && responseCode >= 500;
}

import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { createTransport, type SendMailOptions, type Transporter } from 'nodemailer';
import { Clock } from '../clock/clock.js';
import { Config } from '../config/config.js';
import { Log } from '../logging/log.js';
import { Tracing } from '../tracing/tracing.js';
import type { RenderedMail } from './mail.js';

const CONNECTION_TIMEOUT_MS = 5000;
const SOCKET_TIMEOUT_MS = 15_000;

/** A mail with everything a transport needs. */
export interface OutgoingMail extends RenderedMail {
  readonly to: string;
  readonly kind: string;
  /** The same for every try, so that a mailbox recognises a repeated delivery. */
  readonly id: string;
}

/** Hands mail to the SMTP server, or without one writes it into `DATA_DIR/mail`. */
@Injectable()
export class MailTransport {
  private smtp: Transporter | null = null;

  constructor(
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly tracing: Tracing,
  ) {}

  /** @throws nodemailer's error with its `code` and `responseCode` */
  async deliver(mail: OutgoingMail): Promise<void> {
    const { smtpUrl } = this.config;
    if (smtpUrl === null) await this.write(mail);
    else await this.tracing.mail(mail.kind, () => this.smtpOf(smtpUrl).sendMail(this.message(mail)));
  }

  close(): void {
    this.smtp?.close();
  }

  private smtpOf(url: string): Transporter {
    this.smtp ??= createTransport(url, {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      greetingTimeout: CONNECTION_TIMEOUT_MS,
      socketTimeout: SOCKET_TIMEOUT_MS,
      disableFileAccess: true,
      disableUrlAccess: true,
    } as object);
    return this.smtp;
  }

  private async write(mail: OutgoingMail): Promise<void> {
    const composer = createTransport({ streamTransport: true, buffer: true, newline: 'unix' });
    const { message } = await composer.sendMail(this.message(mail));
    const folder = join(this.config.dataDir, 'mail');
    const file = `${this.clock.nowIso().replace(/[:.]/g, '-')}-${mail.kind}-${mail.id}.eml`;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    // It holds a person's address, and perhaps a token that signs in.
    const unfinished = join(folder, `.${file}.part`);
    await writeFile(unfinished, message as Buffer, { mode: 0o600 });
    // Whoever watches the folder meets whole mails only.
    await rename(unfinished, join(folder, file));
    this.log.info({ mail: mail.kind, file }, 'mail written');
  }

  private message({ to, subject, text, html, id }: OutgoingMail): SendMailOptions {
    return {
      from: this.config.mailFrom,
      // As an object, so that nothing in an address is read as a list of several.
      to: { name: '', address: to },
      subject,
      text,
      html,
      messageId: `<${id}@${this.domain}>`,
      headers: { 'Auto-Submitted': 'auto-generated' },
    };
  }

  private get domain(): string {
    return /@([^>\s]+)>?$/.exec(this.config.mailFrom)?.[1] ?? 'localhost';
  }
}

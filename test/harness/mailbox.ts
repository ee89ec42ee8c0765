import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Config } from '../../src/platform/config/config.js';
import { eventually } from './eventually.js';
import type { TestApp } from './test-app.js';

export interface ReceivedMail {
  readonly file: string;
  /** Permission bits of the file. */
  readonly mode: number;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly raw: string;
  /** The token of the link in it, or null. */
  readonly token: string | null;
}

/** Everything this instance wrote into its mail folder, oldest first. */
export function mailsOf(app: TestApp): ReceivedMail[] {
  const folder = join(app.app.get(Config).dataDir, 'mail');
  return filesIn(folder).map((file) => parseMail(readFileSync(join(folder, file), 'utf8'), file, folder));
}

/** The newest mail to an address with this text in its subject; waits for it. */
export async function mailTo(app: TestApp, address: string, subject: string): Promise<ReceivedMail> {
  let found: ReceivedMail | undefined;
  await eventually(() => {
    found = mailsOf(app).findLast(
      (mail) => mail.to.toLowerCase() === address.toLowerCase() && mail.subject.includes(subject),
    );
    if (!found) throw new Error(`no mail "${subject}" to ${address}`);
  });
  return found!;
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.eml'))
      .sort();
  } catch {
    return [];
  }
}

function parseMail(raw: string, file: string, folder: string): ReceivedMail {
  const header = (name: string) => new RegExp(`^${name}: (.*)$`, 'im').exec(raw)?.[1] ?? '';
  const text = textPartOf(raw);
  return {
    file,
    mode: statSync(join(folder, file)).mode & 0o777,
    to: header('To'),
    subject: header('Subject'),
    text,
    raw,
    token: /#token=(\S+)/.exec(text)?.[1] ?? null,
  };
}

/** The text/plain part, with quoted-printable undone. */
export function textPartOf(raw: string): string {
  const unix = raw.replaceAll('\r\n', '\n');
  const [, head, body] = /Content-Type: text\/plain([\s\S]*?)\n\n([\s\S]*?)\n--/.exec(unix) ?? [];
  if (body === undefined) throw new Error('the mail has no text part');
  if (!/quoted-printable/i.test(head)) return body;
  return body
    .replace(/=\n/g, '')
    .replace(/((?:=[0-9A-F]{2})+)/g, (run) => Buffer.from(run.replaceAll('=', ''), 'hex').toString());
}

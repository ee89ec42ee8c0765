import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { Database } from '../../src/platform/database/database.js';
import type { MailContent } from '../../src/platform/mail/mail.js';
import { Mailer } from '../../src/platform/mail/mailer.service.js';
import { eventually } from '../harness/eventually.js';
import { mailsOf, mailTo, textPartOf } from '../harness/mailbox.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const CONTENT: MailContent = {
  kind: 'test',
  subject: 'Wëlcome\r\nBcc: eve@example.com',
  paragraphs: [
    'Hello <b>Pat</b>,',
    'a line that is long enough to be folded by the encoding of the mail, and then some.',
  ],
  action: { label: 'Open', url: 'https://example.com/open#token=abc123' },
};

const accept = (): Error | null => null;

async function send(app: TestApp, to: string): Promise<void> {
  await app.app.get(Database).run([app.app.get(Mailer).send({ to, content: CONTENT })]);
}

describe('mail without an SMTP server', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp();
  });
  afterAll(() => app.close());

  it('lands in the data folder, readable by its owner only', async () => {
    await send(app, 'pat@example.com');
    const mail = await mailTo(app, 'pat@example.com', '');
    expect(mail).toMatchObject({ mode: 0o600, token: 'abc123' });
    expect(mail.text).toContain('Hello <b>Pat</b>,');
    expect(mail.raw).toContain('From: Latchkey <no-reply@localhost>');
  });

  it('cannot be given a second recipient through an address', async () => {
    const before = mailsOf(app).length;
    await send(app, 'pat@example.com, eve@example.com');
    await eventually(() =>
      expect(mailsOf(app).length + (app.logged().match(/job failed/g)?.length ?? 0)).toBeGreaterThan(before),
    );
    for (const { raw } of mailsOf(app)) expect(raw).not.toMatch(/^(To|Bcc):.*[\s,<]eve@example.com>?$/m);
  });

  it('leaves no address and no token in the log', () => {
    expect(app.logged()).toContain('"mail":"test"');
    expect(app.logged()).not.toMatch(/pat@|abc123/);
  });
});

describe('mail through SMTP', () => {
  interface Delivery {
    readonly from: string;
    readonly to: string[];
    readonly raw: string;
  }
  const deliveries: Delivery[] = [];
  let refuse: (address: string) => Error | null = accept;
  let server: SMTPServer;
  let app: TestApp;

  const options: SMTPServerOptions = {
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onRcptTo: (address, _session, done) => done(refuse(address.address) ?? undefined),
    onData: (stream, { envelope }, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        deliveries.push({
          from: envelope.mailFrom ? envelope.mailFrom.address : '',
          to: envelope.rcptTo.map(({ address }) => address),
          raw: Buffer.concat(chunks).toString(),
        });
        done();
      });
    },
  };

  beforeAll(async () => {
    server = new SMTPServer(options);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.server.address() as AddressInfo;
    app = await startTestApp({
      env: { SMTP_URL: `smtp://127.0.0.1:${port}`, MAIL_FROM: 'Harbor Realty <desk@example.com>' },
    });
  });
  afterAll(async () => {
    await app.close();
    await new Promise<void>((resolve) => server.close(resolve));
  });
  beforeEach(() => {
    deliveries.length = 0;
    refuse = accept;
  });

  it('arrives at the first try, once, to its one recipient', async () => {
    const started = Date.now();
    await send(app, 'pat@example.com');
    await eventually(() => expect(deliveries).toHaveLength(1));
    // Workers look once a second; a second try would come 15 s later.
    expect(Date.now() - started).toBeLessThan(12_000);
    const [{ from, to, raw }] = deliveries;
    expect({ from, to }).toEqual({ from: 'desk@example.com', to: ['pat@example.com'] });
    expect(textPartOf(raw)).toContain('https://example.com/open#token=abc123');
    expect(raw).toMatch(/^Message-ID: <[0-9a-f-]{36}@example\.com>\r$/m);
  });

  it('has no header that a subject smuggled in, and no markup that a text smuggled in', async () => {
    await send(app, 'pat@example.com');
    await eventually(() => expect(deliveries).toHaveLength(1));
    const [{ raw }] = deliveries;
    expect(raw).not.toMatch(/^Bcc:/im);
    expect(raw).toContain('&lt;b&gt;Pat&lt;/b&gt;');
  });

  it('is tried again when the server is busy', async () => {
    let tries = 0;
    refuse = () => (tries++ === 0 ? Object.assign(new Error('try later'), { responseCode: 451 }) : null);
    await send(app, 'pat@example.com');
    await eventually(async () => {
      expect(tries).toBe(1);
      const [row] = await app.database.sql(`SELECT state FROM pgboss.job WHERE name = 'mail'`);
      expect(row).toEqual({ state: 'retry' });
    });
    await app.database.sql(`UPDATE pgboss.job SET start_after = now() WHERE name = 'mail'`);
    await eventually(() => expect(deliveries).toHaveLength(1));
  });

  it('is given up at once when the recipient does not exist; the log does not name them', async () => {
    refuse = (address) => Object.assign(new Error(`no such user ${address}`), { responseCode: 550 });
    await send(app, 'gone@example.com');
    await eventually(() => expect(app.logged()).toContain('refused the recipient for good'));
    await eventually(async () =>
      expect(await app.database.sql(`SELECT 1 FROM pgboss.job WHERE name = 'mail'`)).toHaveLength(0),
    );
    expect(app.logged()).not.toMatch(/gone@|pat@/);
  });
});

import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { registerOwner } from '../harness/accounts.js';
import { enableTwoFactor } from '../harness/authenticator.js';
import { canary, found, scanDatabase } from '../harness/canaries.js';
import { moveClock } from '../harness/clock.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const hex = (): string => randomBytes(32).toString('hex');
const seed = (): string => randomBytes(32).toString('base64');
const webhookSecret = randomBytes(32).toString('base64');
/** Settings whose values nobody may read anywhere. */
const SETTINGS: Record<string, string> = {
  JWT_SECRET: canary('Jwt') + hex(),
  JWT_PREVIOUS_SECRETS: canary('OldJwt') + hex(),
  MASTER_ENCRYPTION_KEY: hex(),
  MASTER_ENCRYPTION_PREVIOUS_KEYS: hex(),
  AUDIT_SIGNING_KEY: seed(),
  AUDIT_SIGNING_PREVIOUS_KEYS: seed(),
  AUDIT_FORWARD_SECRET: `whsec_${webhookSecret}`,
  TWILIO_ACCOUNT_SID: canary('Sid'),
  TWILIO_AUTH_TOKEN: canary('TwilioToken'),
  TWILIO_API_KEY: canary('TwilioKey'),
  TWILIO_API_SECRET: canary('TwilioSecret'),
};
/** What a terminal would obey, what ends a line, and what text of a header's own encoding hides them in. */
const CONTROLS = '\u001b[31m\u001b]0;title\u0007\u0000\u0008\u009b2K\u0085';
// eslint-disable-next-line no-control-regex -- looking for them is the point
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]|\\u00(?:[01][0-9a-f]|7f|[89][0-9a-f])/i;

/** The end of a request with a JSON body, byte for byte. */
const json = (body: string): string =>
  `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body, 'latin1')}\r\n\r\n${body}`;

describe('settings, codes and control characters', () => {
  let app: TestApp;
  let logDir: string;
  const codes = new Map<string, string>();
  const answers: string[] = [];

  beforeAll(async () => {
    logDir = mkdtempSync(join(tmpdir(), 'latchkey-canary-'));
    app = await startTestApp({
      // Nobody listens there, so the forwarder has something to complain of.
      env: {
        ...SETTINGS,
        LOG_LEVEL: 'trace',
        LOG_DIR: logDir,
        AUDIT_FORWARD_URL: 'https://127.0.0.1:1/',
        AUDIT_FORWARD_ALLOWED_RANGES: '127.0.0.0/8',
      },
    });
    await useCodes();
    await injectEverywhere();
    answers.push((await app.http.get('/metrics')).text, (await app.http.get('/readyz')).text);
  });
  afterAll(async () => {
    await app.close();
    rmSync(logDir, { recursive: true, force: true });
  });

  /** Codes that were taken and codes that were not, of both kinds. */
  async function useCodes(): Promise<void> {
    const password = `${canary('Password')} of a person`;
    const owner = await registerOwner(app.http, { password });
    const phone = await enableTwoFactor(app, owner.http);
    const stepUp = async (name: string, code: string): Promise<number> => {
      codes.set(name, code);
      const answer = await owner.http.post('/v1/auth/step-up', { code });
      answers.push(answer.text);
      return answer.status;
    };
    codes.set('TOTP secret', phone.secret);
    expect(await stepUp('TOTP code', phone.next())).toBe(200);
    expect(await stepUp('spent TOTP code', phone.code())).toBe(401);
    expect(await stepUp('wrong recovery code', 'ZQXWV-KJHGF')).toBeGreaterThanOrEqual(400);
    const login = await app.http.post('/v1/auth/login', { email: owner.email, password });
    codes.set('password', password);
    const [code] = phone.backupCodes;
    codes.set('recovery code', code);
    codes.set('challenge', login.json.data.challengeToken);
    const second = await app.http.post('/v1/auth/login/2fa', {
      challengeToken: login.json.data.challengeToken,
      code,
    });
    expect(second.status).toBe(200);
    moveClock(app, 0);
  }

  /** Raw bytes in the request line, in headers and in bodies, past every client library. */
  async function injectEverywhere(): Promise<void> {
    const owner = await registerOwner(app.http);
    const auth = `Authorization: Bearer ${owner.accessToken}`;
    const escaped = JSON.stringify({ firstName: `Ida${CONTROLS}`, [`x${CONTROLS}`]: CONTROLS });
    const requests = [
      `GET /v1/scopes HTTP/1.1\r\nUser-Agent: probe ${CONTROLS}\r\n`,
      `GET /v1/scopes HTTP/1.1\r\nUser-Agent: probe \u001b[31m\u009b2K\u0085\r\n`,
      `GET /v1/scopes HTTP/1.1\r\nX-Request-Id: ${CONTROLS}\r\n`,
      `GET /v1/scopes HTTP/1.1\r\nX-Forwarded-For: ${CONTROLS}\r\n`,
      `GET /v1/${CONTROLS} HTTP/1.1\r\n`,
      `GET /v1/clients?q=%1b%5b31m%0d%0a%00&sort=%1b HTTP/1.1\r\n`,
      `GET /v1/%1b%5b31m%0d%0aX HTTP/1.1\r\n`,
      `${CONTROLS} / HTTP/1.1\r\n`,
      `POST /v1/clients HTTP/1.1\r\n${auth}\r\n${json(escaped)}`,
      `POST /v1/clients HTTP/1.1\r\n${auth}\r\n${json(`{"firstName":"Ida${CONTROLS}"}`)}`,
      `POST /v1/auth/login HTTP/1.1\r\n${json(JSON.stringify({ email: `${CONTROLS}@example.com`, password: CONTROLS }))}`,
    ];
    for (const request of requests) answers.push(await send(request));
  }

  /** @returns the answer's body; what has no body yet is ended first */
  function send(request: string): Promise<string> {
    const [first, ...rest] = request.split('\r\n');
    const text = [first, 'Host: localhost', 'Connection: close', ...rest].join('\r\n');
    return new Promise((resolve, reject) => {
      let answer = '';
      const socket = connect(app.port, '127.0.0.1', () =>
        socket.write(Buffer.from(text.includes('\r\n\r\n') ? text : `${text}\r\n`, 'latin1')),
      );
      socket.setTimeout(90_000, () => socket.destroy(new Error('no answer')));
      socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
      socket.on('error', reject);
      socket.on('close', () => resolve(answer.slice(answer.indexOf('\r\n\r\n') + 4)));
    });
  }

  /** The settings in every form in which a library might write them; the codes; the passwords of the database. */
  function words(): [string, string][] {
    const forms = Object.entries(SETTINGS).flatMap(([name, text]): [string, string][] => [
      [name, text],
      [`${name} as hex`, Buffer.from(text, /KEYS?$/.test(name) ? 'base64' : 'utf8').toString('hex')],
    ]);
    const database = [app.database.appUrl, app.database.ownerUrl].map((url): [string, string] => [
      'database password',
      new URL(url).password,
    ]);
    const long = [...codes].filter(([, code]) => !/^\d{6}$/.test(code));
    return [...forms, ['webhook secret', webhookSecret], ...database, ...long];
  }

  /** Six digits may stand in any longer number: only as a word of their own they are a code. */
  function shortCodes(text: string): string[] {
    const short = [...codes].filter(([, code]) => /^\d{6}$/.test(code));
    return short
      .filter(([, code]) => new RegExp(`(?<![\\w.])${code}(?!\\w)`).test(text))
      .map(([name]) => name);
  }

  it('are in no log line and in no log file', () => {
    const files = readdirSync(logDir).map((name) => readFileSync(join(logDir, name), 'utf8'));
    expect(files.length).toBeGreaterThan(0);
    const text = [app.logged(), ...files].join('\n');
    expect(text.length).toBeGreaterThan(5000);
    expect(found(text, words())).toEqual([]);
    expect(shortCodes(text)).toEqual([]);
    for (const log of [app.logged(), ...files]) expect(log).not.toMatch(CONTROL);
  });

  it('are in no row', async () => {
    expect(await scanDatabase(app.database, words())).toEqual([]);
    const tables = ['audit_log', 'security_events', 'platform_security_events', 'sessions'];
    for (const table of tables) {
      const rows = await app.database.sql(`SELECT to_jsonb(t)::text AS text FROM ${table} t`);
      const text = rows.map((row) => row.text).join('\n');
      expect(shortCodes(text)).toEqual([]);
      expect(text).not.toMatch(CONTROL);
    }
  });

  it('are in no answer and in no metric', () => {
    const text = answers.join('\n');
    expect(answers.length).toBeGreaterThanOrEqual(15);
    expect(found(text, words())).toEqual([]);
    expect(shortCodes(text)).toEqual([]);
    expect(text.replaceAll(/[\r\n]/g, '')).not.toMatch(CONTROL);
  });
});

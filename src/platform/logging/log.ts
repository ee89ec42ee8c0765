import { Injectable, type LoggerService } from '@nestjs/common';
import { pino, type Logger } from 'pino';
import { ByteStream } from './byte-stream.js';
import { DatedFile } from './dated-file.js';

const GATHERED_BYTES = 12_288;

function standardOutput() {
  const bytes = new ByteStream(1, GATHERED_BYTES);
  return { write: (line: string) => bytes.write(Buffer.from(line)), flush: () => bytes.flush() };
}

/** Paths that must never be written, wherever an object with them is logged. */
const REDACTED = [
  'password',
  'currentPassword',
  'newPassword',
  'token',
  'accessToken',
  'refreshToken',
  'secret',
  'authorization',
  'cookie',
  'key',
].flatMap((name) => [name, `*.${name}`]);

/** An error as the log keeps it: never the parameters of a statement, which hold personal data. */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: 'a value that is no error was thrown' };
  const { code, constraint, table } = error as { code?: unknown; constraint?: unknown; table?: unknown };
  return {
    type: error.name,
    // PostgreSQL repeats values in some messages ("invalid input syntax … : \"…\""); what it quotes is cut.
    message: error.message.replace(/"[^"]*"/g, '"…"'),
    // Only the frames: a message of several lines goes on above them.
    stack: error.stack
      ?.split('\n')
      .filter((line) => /^\s+at /.test(line))
      .join('\n'),
    code,
    constraint,
    table,
    ...(error.cause === undefined ? {} : { cause: serializeError(error.cause) }),
  };
}

/** What the log keeps of every request: no query, no body, no header but the user's own id for it. */
export interface RequestLine {
  readonly requestId: string;
  readonly method: string;
  /** The route's pattern, so that ids do not make every line different; null for an unmatched path. */
  readonly route: string | null;
  readonly status: number;
  /** The answer did not go out whole: the client left, or a stream broke, of which another line tells. */
  readonly wasCutOff: boolean;
  readonly durationMs: number;
  readonly ip: string;
  readonly teamId: string | undefined;
  readonly userId: string | undefined;
  readonly apiKeyId: string | undefined;
  /** Only when traces are made. */
  readonly traceId: string | undefined;
}

/**
 * Request lines are put together here: their fields are known and need no escaping but the route, so the general
 * serialiser, which searches every object for secrets, would spend a tenth of a request on them.
 */
function lineOf(line: RequestLine): string {
  const principal = line.teamId
    ? `,"teamId":"${line.teamId}","userId":"${line.userId}"${line.apiKeyId ? `,"apiKeyId":"${line.apiKeyId}"` : ''}`
    : '';
  const trace = line.traceId === undefined ? '' : `,"traceId":"${line.traceId}"`;
  return `{"level":30,"time":"${new Date().toISOString()}","requestId":"${line.requestId}","method":"${line.method}","route":${routeText(line.route)},"status":${line.status},"durationMs":${line.durationMs}${line.wasCutOff ? ',"cutOff":true' : ''},"ip":"${line.ip}"${principal}${trace}}\n`;
}

const routeTexts = new Map<string, string>();

/** Routes are few and fixed, so their escaped form is kept. */
function routeText(route: string | null): string {
  if (route === null) return 'null';
  let text = routeTexts.get(route);
  if (text === undefined) {
    text = JSON.stringify(route);
    routeTexts.set(route, text);
  }
  return text;
}

/**
 * The process's log: one JSON object a line on standard output, and in `logDir`, when there is one, in a file a day
 * (`app-…`). Security events have files of their own (`security-…`), whatever the level. Also Nest's own logger.
 */
@Injectable()
export class Log implements LoggerService {
  readonly pino: Logger;
  private readonly stream: { write(line: string): unknown };
  private readonly files: DatedFile[] = [];
  private readonly flushOutput: () => void;
  private readonly securityFile: Logger | null = null;

  constructor(level: string, destination?: NodeJS.WritableStream, logDir: string | null = null) {
    const output = destination ?? standardOutput();
    const options = {
      base: undefined,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: REDACTED, censor: '[redacted]' },
      serializers: { err: serializeError },
    };
    this.stream = output;
    if (logDir !== null) {
      const complain = (err: unknown): void => this.error({ err }, 'a log file cannot be opened');
      const app = new DatedFile(logDir, 'app', complain);
      const security = new DatedFile(logDir, 'security', complain);
      this.files = [app, security];
      this.stream = {
        write: (line: string) => {
          output.write(line);
          app.write(line);
        },
      };
      this.securityFile = pino({ ...options, level: 'info' }, security);
    }
    this.pino = pino({ ...options, level }, this.stream);
    this.flushOutput = () => {
      if ('flush' in output && typeof output.flush === 'function') output.flush();
    };
  }

  /** One request that was answered. */
  request(line: RequestLine): void {
    if (this.pino.isLevelEnabled('info')) this.stream.write(lineOf(line));
  }

  info(fields: object, message: string): void {
    this.pino.info(fields, message);
  }

  /** @param fields or, from Nest, the message; then `message` is its context */
  error(fields: object | string, message?: string): void {
    if (typeof fields === 'string') this.pino.error({ context: message }, fields);
    else this.pino.error(fields, message);
  }

  /** As {@link error}. */
  warn(fields: object | string, message?: string): void {
    if (typeof fields === 'string') this.pino.warn({ context: message }, fields);
    else this.pino.warn(fields, message);
  }

  /** A line of the security log; `fields` hold facts of the event, never secrets or personal data. */
  security(fields: object): void {
    this.pino.info(fields, 'security event');
    this.securityFile?.info(fields, 'security event');
  }

  log(message: string, context?: string): void {
    this.pino.debug({ context }, message);
  }

  debug(message: string, context?: string): void {
    this.pino.debug({ context }, message);
  }

  verbose(message: string, context?: string): void {
    this.pino.trace({ context }, message);
  }

  fatal(message: string, context?: string): void {
    this.pino.fatal({ context }, message);
  }

  /** Writes what is gathered; call before the process ends. */
  flush(): void {
    this.flushOutput();
    for (const file of this.files) file.flush();
  }
}

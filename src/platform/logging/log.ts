import { Injectable, type LoggerService } from '@nestjs/common';
import { pino, type Logger } from 'pino';

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
    stack: error.stack?.split('\n').slice(1).join('\n'),
    code,
    constraint,
    table,
    ...(error.cause === undefined ? {} : { cause: serializeError(error.cause) }),
  };
}

/** The process's log: one JSON object a line on standard output. Also Nest's own logger. */
@Injectable()
export class Log implements LoggerService {
  readonly pino: Logger;

  constructor(level: string, destination?: NodeJS.WritableStream) {
    const options = {
      level,
      base: undefined,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: REDACTED, censor: '[redacted]' },
      serializers: { err: serializeError },
    };
    // Lines are gathered for up to 4 KiB or 100 ms: a write per request would cost as much as the request's routing.
    this.pino = destination
      ? pino(options, destination)
      : pino(options, pino.destination({ fd: 1, minLength: 4096, periodicFlush: 100, sync: false }));
  }

  info(fields: object, message: string): void {
    this.pino.info(fields, message);
  }

  error(fields: object | string, message?: string): void {
    if (typeof fields === 'string') this.pino.error({ context: message }, fields);
    else this.pino.error(fields, message);
  }

  /** A line of the security log; `fields` hold facts of the event, never secrets or personal data. */
  security(fields: object): void {
    this.pino.info(fields, 'security event');
  }

  log(message: unknown, context?: string): void {
    this.pino.debug({ context }, String(message));
  }

  warn(message: unknown, context?: string): void {
    this.pino.warn({ context }, String(message));
  }

  debug(message: unknown, context?: string): void {
    this.pino.debug({ context }, String(message));
  }

  verbose(message: unknown, context?: string): void {
    this.pino.trace({ context }, String(message));
  }

  fatal(message: unknown, context?: string): void {
    this.pino.fatal({ context }, String(message));
  }

  /** Writes what is gathered; call before the process ends. */
  flush(): void {
    this.pino.flush();
  }
}

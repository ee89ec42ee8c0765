import { type Context, type Span, SpanKind, SpanStatusCode, type Tracer } from '@opentelemetry/api';
import {
  ATTR_DB_OPERATION_BATCH_SIZE,
  ATTR_DB_QUERY_SUMMARY,
  ATTR_DB_RESPONSE_STATUS_CODE,
  ATTR_DB_SYSTEM_NAME,
  ATTR_ERROR_TYPE,
  DB_SYSTEM_NAME_VALUE_POSTGRESQL,
} from '@opentelemetry/semantic-conventions';
import type { Statement } from '../database/statement.js';
import { failureWord } from './failure-word.js';
import type { StatementSpan } from './spans.js';

/** The conventions' limit of a summary, in characters. */
const MAX_SUMMARY = 255;

/** A round trip to the database, or one read's part of it (OpenTelemetry semantic conventions for database clients, 1.33). */
export class RecordedStatements implements StatementSpan {
  private readonly beganMs = performance.now();

  private constructor(private readonly span: Span) {}

  static begin(tracer: Tracer, context: Context, statements: readonly Statement[]): RecordedStatements {
    const summary = summaryOf(statements);
    const attributes = {
      [ATTR_DB_SYSTEM_NAME]: DB_SYSTEM_NAME_VALUE_POSTGRESQL,
      [ATTR_DB_QUERY_SUMMARY]: summary,
      // One statement is no batch, say the conventions.
      ...(statements.length > 1 ? { [ATTR_DB_OPERATION_BATCH_SIZE]: statements.length } : {}),
    };
    return new RecordedStatements(tracer.startSpan(summary, { kind: SpanKind.CLIENT, attributes }, context));
  }

  connected(): void {
    const waitedMs = performance.now() - this.beganMs;
    this.span.setAttribute('latchkey.db.wait_ms', Math.round(waitedMs * 100) / 100);
  }

  travels(first: StatementSpan, size: number): void {
    this.span.setAttribute(ATTR_DB_OPERATION_BATCH_SIZE, size);
    if (first !== this && first instanceof RecordedStatements)
      this.span.addLink({ context: first.span.spanContext() });
  }

  end(): void {
    this.span.end();
  }

  /** What PostgreSQL says of it stays here, but for the SQLSTATE: its messages and details repeat values. */
  fail(error: unknown): void {
    const word = failureWord(error);
    this.span.setAttribute(ATTR_ERROR_TYPE, word).setStatus({ code: SpanStatusCode.ERROR });
    if (error instanceof Error && 'severity' in error)
      this.span.setAttribute(ATTR_DB_RESPONSE_STATUS_CODE, word);
    this.span.end();
  }
}

/** Names, each once, in the order of the statements. Of text there is none, since lists are put together from what is asked. */
function summaryOf(statements: readonly Statement[]): string {
  const names = new Set(statements.map(({ name }) => name ?? '(unnamed)'));
  const summary = [...names].join(' ');
  return summary.length <= MAX_SUMMARY ? summary : `${summary.slice(0, MAX_SUMMARY - 1)}…`;
}

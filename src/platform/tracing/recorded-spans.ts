import type { IncomingHttpHeaders } from 'node:http';
import {
  type Attributes,
  type ContextManager,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  trace,
  type Tracer,
} from '@opentelemetry/api';
import { TRACE_PARENT_HEADER, W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  ATTR_ERROR_TYPE,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
} from '@opentelemetry/semantic-conventions';
import type { Statement } from '../database/statement.js';
import { failureWord } from './failure-word.js';
import { beginRequest } from './recorded-request.js';
import { RecordedStatements } from './recorded-statements.js';
import type { JobRun, RequestSpan, RequestStart, Spans, StatementSpan } from './spans.js';

/** `tracestate` is not read: it may hold whatever a client likes, and would be part of every span. */
const TRACEPARENT_ALONE: TextMapGetter<IncomingHttpHeaders> = {
  get: (headers, name) => (name === TRACE_PARENT_HEADER ? headers[name] : undefined),
  keys: () => [TRACE_PARENT_HEADER],
};

/** Records with the libraries of OpenTelemetry. Where the present work belongs is in the context manager, ours alone. */
export class RecordedSpans implements Spans {
  private readonly propagator = new W3CTraceContextPropagator();

  constructor(
    private readonly tracer: Tracer,
    private readonly contexts: ContextManager,
    private readonly flush: () => Promise<void>,
  ) {}

  request(start: RequestStart, headers: IncomingHttpHeaders): RequestSpan {
    const caller = this.propagator.extract(ROOT_CONTEXT, headers, TRACEPARENT_ALONE);
    return beginRequest(this.tracer, this.contexts, start, caller);
  }

  async statements<T>(
    statements: readonly Statement[],
    work: (span: StatementSpan | null) => Promise<T>,
  ): Promise<T> {
    const context = this.contexts.active();
    if (!trace.getSpan(context)?.isRecording()) return work(null);
    const span = RecordedStatements.begin(this.tracer, context, statements);
    try {
      const result = await work(span);
      span.end();
      return result;
    } catch (error) {
      span.fail(error);
      throw error;
    }
  }

  job<T>({ name, id, attempt }: JobRun, work: () => Promise<T>): Promise<T> {
    const attributes = {
      'latchkey.job.name': name,
      'latchkey.job.id': id,
      'latchkey.job.attempt': attempt,
    };
    const span = this.tracer.startSpan(`job ${name}`, { kind: SpanKind.CONSUMER, attributes }, ROOT_CONTEXT);
    return this.contexts.with(trace.setSpan(ROOT_CONTEXT, span), () => ending(span, work));
  }

  outgoing<T extends { readonly status: number }>(method: string, work: () => Promise<T>): Promise<T> {
    const span = this.departure(method, { [ATTR_HTTP_REQUEST_METHOD]: method });
    return ending(span, work, ({ status }) => {
      span.setAttribute(ATTR_HTTP_RESPONSE_STATUS_CODE, status);
      if (status >= 400) fail(span, String(status));
    });
  }

  mail<T>(kind: string, work: () => Promise<T>): Promise<T> {
    return ending(this.departure(`mail ${kind}`, { 'latchkey.mail.kind': kind }), work);
  }

  stop(): Promise<void> {
    return this.flush();
  }

  /** Nobody outside is told of our trace: no header goes along. */
  private departure(name: string, attributes: Attributes): Span {
    return this.tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }, this.contexts.active());
  }
}

/** Ends the span with the work, whose result `look` may look at. */
async function ending<T>(span: Span, work: () => Promise<T>, look?: (result: T) => void): Promise<T> {
  try {
    const result = await work();
    look?.(result);
    return result;
  } catch (error) {
    fail(span, failureWord(error));
    throw error;
  } finally {
    span.end();
  }
}

function fail(span: Span, type: string): void {
  span.setAttribute(ATTR_ERROR_TYPE, type).setStatus({ code: SpanStatusCode.ERROR });
}

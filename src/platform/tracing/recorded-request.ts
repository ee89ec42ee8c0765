import {
  type Context,
  type ContextManager,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from '@opentelemetry/api';
import {
  ATTR_ERROR_TYPE,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_HTTP_ROUTE,
  ATTR_URL_SCHEME,
} from '@opentelemetry/semantic-conventions';
import { CUT_OFF, type RequestEnd } from '../http/request-end.js';
import type { RequestSpan, RequestStart } from './spans.js';

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT']);

/**
 * Begins the span of a request (OpenTelemetry semantic conventions for HTTP servers, 1.23 and later). The conventions' `url.path`,
 * `url.query`, `client.address` and `user_agent.original` are left out: they hold ids, secrets and persons.
 * @param caller holds the span of the caller, if it sent one
 */
export function beginRequest(
  tracer: Tracer,
  contexts: ContextManager,
  { method, route, scheme, requestId }: RequestStart,
  caller: Context,
): RequestSpan {
  const isKnown = METHODS.has(method);
  const spoken = isKnown ? method : 'HTTP';
  const attributes = {
    [ATTR_HTTP_REQUEST_METHOD]: isKnown ? method : '_OTHER',
    [ATTR_URL_SCHEME]: scheme,
    'latchkey.request_id': requestId,
    ...(route === null ? {} : { [ATTR_HTTP_ROUTE]: route }),
  };
  const name = route === null ? spoken : `${spoken} ${route}`;
  const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, caller);
  return new RecordedRequest(span, contexts, trace.setSpan(caller, span));
}

class RecordedRequest implements RequestSpan {
  constructor(
    private readonly span: Span,
    private readonly contexts: ContextManager,
    private readonly context: Context,
  ) {}

  get traceId(): string {
    return this.span.spanContext().traceId;
  }

  within(work: () => void): void {
    this.contexts.with(this.context, work);
  }

  end({ status, wasSent, broke }: RequestEnd, teamId: string | null): void {
    const { span } = this;
    if (teamId !== null) span.setAttribute('latchkey.team_id', teamId);
    // 499 is ours for what was never sent.
    if (wasSent || status !== CUT_OFF) span.setAttribute(ATTR_HTTP_RESPONSE_STATUS_CODE, status);
    if (!wasSent) span.setAttribute('latchkey.cut_off', true);
    if (status >= 500 || !wasSent) {
      const unsent = broke ? 'broke_off' : 'cut_off';
      span.setAttribute(ATTR_ERROR_TYPE, status >= 500 ? String(status) : unsent);
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.end();
  }
}

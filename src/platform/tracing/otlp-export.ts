import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { OTLPExporterBase } from '@opentelemetry/otlp-exporter-base';
import { createOtlpHttpExportDelegate } from '@opentelemetry/otlp-exporter-base/node-http';
import { JsonTraceSerializer, TraceExporterMetricsHelper } from '@opentelemetry/otlp-transformer';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import type { Log } from '../logging/log.js';
import { failureWord } from './failure-word.js';

/** The library's own words. */
const TIMED_OUT = 'Request timed out';
/** For one batch with all its tries, a second and more apart; each new byte of an answer gives it that long again. */
const TIMEOUT_MS = 5000;
/** After this a connection is cut, whatever still trickles in; before the next export begins. */
const DEADLINE_MS = 5800;
/** One at a time is sent; a few more when one was given up that still hangs, and at the end. */
const MAX_EXPORTS = 6;
/** The process has ten seconds for its end, of which the notice and the running jobs may take nine and a half. */
const LAST_MS = 250;

/**
 * Sends spans to the collector (OTLP 1.x over HTTP, JSON), and says so when that begins to fail and when it works again. It is
 * put together from the parts of the ready-made exporter, which would take headers and certificates from the environment.
 */
export class OtlpExport implements SpanExporter {
  private sender: Sender;
  private lost = 0;

  /** @param url with its path */
  constructor(
    private readonly url: string,
    private readonly log: Log,
  ) {
    this.sender = newSender(url);
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    const { sender } = this;
    let isOver = false;
    const end = (result: ExportResult): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(deadline);
      this.report(spans.length, result);
      done(result);
    };
    const deadline = setTimeout(() => {
      // The library waits for good when a connection ends in the middle of an answer, and takes no seventh export then.
      sender.agent.destroy();
      if (this.sender === sender) this.sender = newSender(this.url);
      end({ code: ExportResultCode.FAILED, error: new Error(TIMED_OUT) });
    }, DEADLINE_MS).unref();
    sender.exporter.export(spans, end);
  }

  shutdown(): Promise<void> {
    return this.sender.exporter.shutdown();
  }

  forceFlush(): Promise<void> {
    return this.sender.exporter.forceFlush();
  }

  /** Waits for the last export as long as the process may; what hangs then is cut. Never throws. */
  async stopAfter(flush: () => Promise<void>): Promise<void> {
    let limit: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (limit = setTimeout(resolve, LAST_MS)));
    // Why it failed is in the log already.
    await Promise.race([flush().catch(() => undefined), late]);
    clearTimeout(limit);
    this.sender.agent.destroy();
  }

  /** One line when it begins and one when it ends; the collector's own words stay out. */
  private report(spans: number, { code, error }: ExportResult): void {
    if (code === ExportResultCode.SUCCESS) {
      if (this.lost > 0) this.log.info({ lostSpans: this.lost }, 'traces are sent again');
      this.lost = 0;
      return;
    }
    if (this.lost === 0) this.log.error({ failure: wordOf(error) }, 'traces cannot be sent');
    this.lost += spans;
  }
}

/** The library's part, and the connections that are its own. */
interface Sender {
  readonly exporter: OTLPExporterBase<ReadableSpan[]>;
  readonly agent: HttpAgent;
}

function newSender(url: string): Sender {
  const connections = { keepAlive: true, maxSockets: MAX_EXPORTS };
  const agent = url.startsWith('https:') ? new HttpsAgent(connections) : new HttpAgent(connections);
  const options = {
    url,
    timeoutMillis: TIMEOUT_MS,
    concurrencyLimit: MAX_EXPORTS,
    compression: 'none' as const,
    headers: () => Promise.resolve({ 'Content-Type': 'application/json' }),
    agentFactory: () => agent,
  };
  const name = 'otlp_http_json_span_exporter';
  const parts = [JsonTraceSerializer, name, TraceExporterMetricsHelper, undefined] as const;
  return { agent, exporter: new OTLPExporterBase(createOtlpHttpExportDelegate(options, ...parts)) };
}

function wordOf(error: Error | undefined): string {
  const { code } = (error ?? {}) as { code?: unknown };
  if (typeof code === 'number') return `HTTP_${code}`;
  if (error === undefined || error.message === TIMED_OUT) return 'TIMEOUT';
  return failureWord(error);
}

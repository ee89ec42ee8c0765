import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Config } from '../config/config.js';
import type { Log } from '../logging/log.js';
import type { JobRun, Spans } from './spans.js';

/**
 * Traces of what the process does (docs/operations.md, "Traces"). Without `OTEL_EXPORTER_OTLP_ENDPOINT` nothing is recorded and
 * no library for it is loaded.
 */
@Injectable()
export class Tracing implements OnApplicationShutdown {
  /** @param spans null when no traces are made; what runs for every request looks at it instead of calling us */
  constructor(readonly spans: Spans | null) {}

  /** One try of a job, as a trace of its own. */
  job<T>(run: JobRun, work: () => Promise<T>): Promise<T> {
    return this.spans === null ? work() : this.spans.job(run, work);
  }

  /** A request to a host outside. */
  outgoing<T extends { readonly status: number }>(method: string, work: () => Promise<T>): Promise<T> {
    return this.spans === null ? work() : this.spans.outgoing(method, work);
  }

  /** A mail on its way to the mail server. */
  mail<T>(kind: string, work: () => Promise<T>): Promise<T> {
    return this.spans === null ? work() : this.spans.mail(kind, work);
  }

  /** After the last request and the last job, whose spans are the ones that tell of a shutdown. */
  async onApplicationShutdown(): Promise<void> {
    await this.spans?.stop();
  }
}

/** Traces as the setting wants them. */
export async function openTracing({ otelEndpoint }: Config, log: Log): Promise<Tracing> {
  if (otelEndpoint === null) return new Tracing(null);
  const { openSpans } = await import('./open-spans.js');
  return new Tracing(openSpans(otelEndpoint, log));
}

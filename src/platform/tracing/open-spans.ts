import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import {
  ATTR_SERVICE_INSTANCE_ID,
  ATTR_SERVICE_NAME,
  ATTR_SERVICE_VERSION,
} from '@opentelemetry/semantic-conventions';
import type { Log } from '../logging/log.js';
import { OtlpExport } from './otlp-export.js';
import { RecordedSpans } from './recorded-spans.js';
import type { Spans } from './spans.js';

const SERVICE = 'latchkey';

/** Spans wait at most this long; a full batch goes at once. */
const BATCH_MS = 1000;
const BATCH_SPANS = 512;
/** A few megabytes. What does not fit is dropped: a collector that is slow must not fill the memory. */
const QUEUE_SPANS = 2048;
/** After this an export is given up, and the next may begin; longer than the exporter's own limit. */
const EXPORT_LIMIT_MS = 6000;

/**
 * Recording, and the way to the collector. Nothing is registered with the libraries' global state, and every option is given
 * here: a variable of the environment that the libraries know changes nothing.
 * @param endpoint base URL of the collector, without a slash at its end
 */
export function openSpans(endpoint: string, log: Log): Spans {
  const exporter = new OtlpExport(`${endpoint}/v1/traces`, log);
  const provider = new TracerProvider({
    resource: resourceOf(),
    sampler: new ParentBasedSampler({ root: new AlwaysOnSampler() }),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter,
        scheduledDelayMillis: BATCH_MS,
        maxExportBatchSize: BATCH_SPANS,
        maxQueueSize: QUEUE_SPANS,
        exportTimeoutMillis: EXPORT_LIMIT_MS,
      }),
    ],
  });
  return new RecordedSpans(provider.getTracer(SERVICE), new AsyncLocalStorageContextManager(), () =>
    exporter.stopAfter(() => provider.shutdown()),
  );
}

/** Who sends. Not what the library could find out besides: the host's name, the process's command line, its user. */
function resourceOf() {
  return defaultResource().merge(
    resourceFromAttributes({
      [ATTR_SERVICE_NAME]: SERVICE,
      [ATTR_SERVICE_VERSION]: version(),
      [ATTR_SERVICE_INSTANCE_ID]: randomUUID(),
    }),
  );
}

/** Of the package, which is above us by three folders in the source and by four in the build. */
function version(): string | undefined {
  for (const up of ['../../../', '../../../../']) {
    try {
      const text = readFileSync(new URL(`${up}package.json`, import.meta.url), 'utf8');
      const { name, version: found } = JSON.parse(text) as { name?: string; version?: string };
      if (name === SERVICE) return found;
    } catch {
      // Not there.
    }
  }
  return undefined;
}

import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { Config } from '../config/config.js';

/** Seconds; a request is slow from five on, and hardly any should need a tenth. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * What the monitoring counts (docs/operations.md, "Metrics"). Labels hold patterns of routes, codes and types, never ids,
 * addresses or texts of clients: their number is bounded by the code and they say nothing of anybody.
 * Without `METRICS_PORT` nothing is collected.
 */
@Injectable()
export class Metrics {
  readonly registry = new Registry();
  readonly isCollecting: boolean;
  private readonly requests: Histogram<'method' | 'route' | 'status'>;

  constructor(config: Config) {
    this.isCollecting = config.metricsPort !== null;
    this.requests = new Histogram({
      name: 'latchkey_http_request_duration_seconds',
      help: 'Time from the first byte of a request to the last of its answer.',
      labelNames: ['method', 'route', 'status'],
      buckets: BUCKETS,
      registers: [this.registry],
    });
    if (this.isCollecting) collectDefaultMetrics({ register: this.registry });
  }

  /** One request that has ended. @param status of the answer; when not all of it went out 500 for a reason of ours, else 499  @param route the route's pattern; null for a path that leads nowhere */
  request(method: string, route: string | null, status: number, seconds: number): void {
    if (!this.isCollecting) return;
    this.requests.labels(knownMethod(method), route ?? '(none)', String(status)).observe(seconds);
  }

  /** A value that is read whenever the monitoring asks. */
  gauge(name: string, help: string, read: () => number): void {
    const gauge: Gauge = new Gauge({
      name: `latchkey_${name}`,
      help,
      registers: [this.registry],
      collect: () => gauge.set(read()),
    });
  }

  /** A count that only rises. @returns adds one under the labels, in the order of `labelNames` */
  counter(name: string, help: string, labelNames: readonly string[]): (...labels: string[]) => void {
    const counter = new Counter({
      name: `latchkey_${name}`,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
    });
    return (...labels) => {
      if (this.isCollecting) counter.labels(...labels).inc();
    };
  }
}

/** A made-up method must not make a series of its own. */
function knownMethod(method: string): string {
  return ['GET', 'POST', 'PATCH', 'PUT', 'DELETE', 'OPTIONS', 'HEAD'].includes(method) ? method : 'other';
}

import { Injectable } from '@nestjs/common';
import { Metrics } from '../../platform/metrics/metrics.js';
import { defaultSeverity } from './event-types.js';
import { SecurityEvents } from './security-events.service.js';

/** Counts security events by type and severity, those included that only raise the count of a row. */
@Injectable()
export class EventMetrics {
  constructor(metrics: Metrics, events: SecurityEvents) {
    const count = metrics.counter('security_events_total', 'Security events by type and severity.', [
      'type',
      'severity',
    ]);
    events.subscribe((event) => count(event.type, event.severity ?? defaultSeverity(event.type)));
  }
}

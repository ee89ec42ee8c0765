import type { Severity } from '../event-types.js';

/** Something an officer may ask about; docs/security-events.md explains every type. */
export class SecurityEventView {
  id: string;
  /** Type of event, such as `login_failed`. */
  type: string;
  severity: 'low' | 'medium' | 'high' | 'critical';
  /** How many events the row stands for. */
  count: number;
  /** What a row of a flood sums up: `address`, `network` or `type`; null for a row of one event. */
  aggregatedBy: 'address' | 'network' | 'type' | null;
  /** The person the event is about; null when unknown. */
  userId: string | null;
  apiKeyId: string | null;
  ipAddress: string | null;
  userAgent: string | null;
  /** The request that caused it; of a sum, the first. */
  requestId: string | null;
  /** Facts of the event; which ones depends on the type. */
  details: Record<string, unknown>;
  /** When it happened, or when a sum began. */
  createdAt: string;
  /** When the last event of the row happened. */
  lastAt: string;
}

export class EventTypeCountView {
  type: string;
  count: number;
}

/** Events by severity. */
export class SeverityCountsView implements Record<Severity, number> {
  low: number;
  medium: number;
  high: number;
  critical: number;
}

export class EventDayCountView extends SeverityCountsView {
  /** Day in UTC, `YYYY-MM-DD`. */
  date: string;
}

/** Counts for charts. */
export class SecurityEventSummaryView {
  days: number;
  total: number;
  bySeverity: SeverityCountsView;
  /** Most frequent first. */
  byType: EventTypeCountView[];
  /** One entry a day, oldest first. */
  byDay: EventDayCountView[];
}

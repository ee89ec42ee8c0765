export class SourceCountView {
  /** Null for leads without one. */
  source: string | null;
  count: number;
}

/** Numbers about the leads of a timeframe. */
export class LeadStatsView {
  timeframe: '24h' | '7d' | '30d' | '90d';
  /** ISO 8601. */
  from: string;
  /** ISO 8601. */
  to: string;
  /** Leads that came in. */
  created: number;
  /** Leads, of whatever age, that became clients. */
  converted: number;
  /** `converted` / `created`, or null when none came in. */
  conversionRate: number | null;
  /** Leads that came in, by their present status. */
  byStatus: Record<string, number>;
  byType: Record<string, number>;
  /** The most frequent first. */
  bySource: SourceCountView[];
}

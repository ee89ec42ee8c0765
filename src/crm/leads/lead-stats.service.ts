import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock/clock.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import type { LeadStatsDto } from './dto/lead-stats.dto.js';
import type { LeadStatsView } from './dto/lead-stats.view.js';
import { LEAD_STATUSES, LEAD_TYPES } from './lead.entity.js';
import { type LeadCount, LeadsRepository } from './leads.repository.js';

const HOUR_MS = 3_600_000;
const LENGTH_MS = { '24h': 24 * HOUR_MS, '7d': 168 * HOUR_MS, '30d': 720 * HOUR_MS, '90d': 2160 * HOUR_MS };
/** What a group is grouped by: the one bit of PostgreSQL's mask that is not set. */
const BY = { status: 0b011, type: 0b101, source: 0b110, nothing: 0b111 };

/** Numbers about leads, for a chart. */
@Injectable()
export class LeadStatsService {
  constructor(
    private readonly leads: LeadsRepository,
    private readonly clock: Clock,
  ) {}

  async since(context: RequestContext, { timeframe }: LeadStatsDto): Promise<LeadStatsView> {
    const toMs = this.clock.nowMs();
    const from = new Date(toMs - LENGTH_MS[timeframe]).toISOString();
    const counts = await this.leads.countSince(context, from);
    const of = (mask: number): LeadCount[] => counts.filter(({ grouped }) => grouped === mask);
    const [all] = of(BY.nothing);
    const created = all?.leads ?? 0;
    const converted = all?.converted ?? 0;
    return {
      timeframe,
      from,
      to: new Date(toMs).toISOString(),
      created,
      converted,
      conversionRate: created === 0 ? null : Math.round((converted / created) * 10_000) / 10_000,
      byStatus: tally(
        LEAD_STATUSES,
        of(BY.status).map((row) => [row.lead_status, row.leads]),
      ),
      byType: tally(
        LEAD_TYPES,
        of(BY.type).map((row) => [row.lead_type, row.leads]),
      ),
      bySource: of(BY.source).map(({ source, leads }) => ({ source, count: leads })),
    };
  }
}

/** Every name with its count, those without leads too. */
function tally(
  names: readonly string[],
  counts: readonly (readonly [string | null, number])[],
): Record<string, number> {
  const found = new Map(counts);
  return Object.fromEntries(names.map((name) => [name, found.get(name) ?? 0]));
}

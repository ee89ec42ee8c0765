import { Injectable } from '@nestjs/common';
import type { RequestContext } from '../../platform/context/request-context.js';
import { firstIdOf } from '../../platform/database/list-query.js';
import { inTenant } from '../../platform/database/tenant-read.js';
import { TeamRepository } from '../../platform/database/team.repository.js';
import { TeamStore } from '../../platform/database/team-store.js';
import { personTerms } from '../../vault/personal-data/person-terms.js';
import { LEAD_AUDITED, LEAD_PERSONAL } from './lead.audit.js';
import { Lead, type LeadPersonal } from './lead.entity.js';

/** The counts of the rarest sources are left out. */
const MAX_GROUPS = 60;

/** One group of the statistics; `grouped` is PostgreSQL's bit mask of the columns it is NOT grouped by. */
export interface LeadCount {
  readonly lead_status: string | null;
  readonly lead_type: string | null;
  readonly source: string | null;
  readonly grouped: number;
  readonly leads: number;
  readonly converted: number;
}

/** The leads of a team. */
@Injectable()
export class LeadsRepository extends TeamRepository<Lead, LeadPersonal> {
  constructor(store: TeamStore) {
    super(store, Lead, {
      resourceType: 'lead',
      erased: { tags: [], source: null },
      audited: LEAD_AUDITED,
      personal: { fields: LEAD_PERSONAL, terms: (person) => personTerms('leads', person) },
      references: { convertedClientId: 'clients' },
    });
  }

  /** How many leads came in since a moment, by status, type and source; and how many became clients. */
  async countSince(context: RequestContext, from: string): Promise<readonly LeadCount[]> {
    const rows = await this.store.database.runOne({
      name: 'leads:stats',
      text: inTenant(`SELECT t.lead_status, t.lead_type, t.source,
          grouping(t.lead_status, t.lead_type, t.source) AS grouped, count(*) AS leads,
          (SELECT count(*) FROM leads c WHERE c.team_id = $1::uuid AND c.converted_at >= $2 AND c.archived_at IS NULL) AS converted
        FROM leads t
        WHERE t.team_id = $1::uuid AND t.archived_at IS NULL AND t.id >= $3::uuid AND t.created_at >= $2 AND x.team IS NOT NULL
        GROUP BY GROUPING SETS ((t.lead_status), (t.lead_type), (t.source), ())
        ORDER BY count(*) DESC LIMIT ${MAX_GROUPS}`),
      values: [context.principal.teamId, from, firstIdOf(from)],
    });
    return rows as unknown as LeadCount[];
  }
}

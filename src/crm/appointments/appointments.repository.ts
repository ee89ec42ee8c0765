import { Injectable } from '@nestjs/common';
import type { RequestContext } from '../../platform/context/request-context.js';
import { inTenant } from '../../platform/database/tenant-read.js';
import { TeamRepository } from '../../platform/database/team.repository.js';
import { TeamStore } from '../../platform/database/team-store.js';
import type { Page } from '../../platform/http/page.js';
import { APPOINTMENT_AUDITED, APPOINTMENT_PERSONAL } from './appointment.audit.js';
import { Appointment, type AppointmentPersonal } from './appointment.entity.js';

const MAX_OVERLAPS = 20;

/** The appointments of a team. */
@Injectable()
export class AppointmentsRepository extends TeamRepository<Appointment, AppointmentPersonal> {
  constructor(store: TeamStore) {
    super(store, Appointment, {
      resourceType: 'appointment',
      audited: APPOINTMENT_AUDITED,
      personal: { fields: APPOINTMENT_PERSONAL },
      references: { clientId: 'clients', leadId: 'leads', listingId: 'listings' },
    });
  }

  /** All live appointments with a lead. */
  async ofLead(context: RequestContext, leadId: string): Promise<Appointment[]> {
    const found: Appointment[] = [];
    let cursor: string | null = null;
    do {
      const page: Page<Appointment> = await this.list(context, {
        limit: 100,
        cursor,
        sort: 'createdAt',
        equal: { leadId },
        createdAfter: null,
        updatedAfter: null,
        tokens: [],
      });
      found.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor !== null);
    return found;
  }

  /**
   * Scheduled appointments of the same owner that overlap, the earliest first. No appointment is longer than
   * 31 days (a rule of the service), so the index range begins that much before.
   */
  async overlapping(
    context: RequestContext,
    { id, ownerId, startsAt, endsAt }: { id: string; ownerId: string; startsAt: string; endsAt: string },
  ): Promise<string[]> {
    const rows = await this.store.database.runOne({
      name: 'appointments:overlapping',
      text: inTenant(`SELECT t.id FROM appointments t
        WHERE t.team_id = $1::uuid AND t.owner_id = $2 AND t.archived_at IS NULL AND t.status = 'scheduled'
          AND t.starts_at < $4 AND t.starts_at > $3::timestamptz - interval '31 days' AND t.ends_at > $3
          AND t.id <> $5 AND x.team IS NOT NULL ORDER BY t.starts_at, t.id LIMIT ${MAX_OVERLAPS}`),
      values: [context.principal.teamId, ownerId, startsAt, endsAt, id],
    });
    return rows.map((row) => row.id as string);
  }
}

import { Injectable } from '@nestjs/common';
import { insufficientScope } from '../../identity/principals/scope.guard.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import { diffOf } from '../../platform/database/audit-diff.js';
import { ApiError } from '../../platform/http/api-error.js';
import { AppointmentsService } from '../appointments/appointments.service.js';
import { refuse } from '../records/record.service.js';
import type { MergeLeadsDto } from './dto/merge-leads.dto.js';
import type { MergeView } from './dto/merge.view.js';
import { LEAD_AUDITED, LEAD_PERSONAL } from './lead.audit.js';
import type { Lead, LeadPersonal } from './lead.entity.js';
import { LeadsRepository } from './leads.repository.js';
import { LeadsService } from './leads.service.js';

const MAX_TAGS = 50;

/** Makes one lead of two that are the same person. */
@Injectable()
export class LeadMergeService {
  constructor(
    private readonly leads: LeadsService,
    private readonly repository: LeadsRepository,
    private readonly appointments: AppointmentsService,
  ) {}

  /**
   * The lead `intoId` keeps what it has and takes what it lacks; the other's appointments move to it and the
   * other is archived. A dry run says the same and writes nothing.
   */
  async merge(context: RequestContext, id: string, input: MergeLeadsDto): Promise<MergeView> {
    const { scopes } = context.principal;
    if (!scopes.has('leads:delete')) throw insufficientScope('leads:delete', scopes);
    const intoId = input.intoId.toLowerCase();
    if (id === intoId) refuse('intoId', 'is another lead');
    const from = await this.leads.getForWrite(context, id, null, 'leads:delete');
    const into = await this.leads.getForWrite(context, intoId);
    assertOneClient(from, into);
    const fields = combinedFields(from, into);
    const personal = combinedPersonal(this.repository.personalOf(from), this.repository.personalOf(into));
    const after = { ...into, ...fields };
    const changed = [
      ...changedNames(into, after, [...LEAD_AUDITED, 'ownerId']),
      ...changedNames(this.repository.personalOf(into), personal, LEAD_PERSONAL),
    ];
    const answer = { archivedId: id, changed };
    if (input.dryRun) {
      context.work.noChange('a dry run');
      const appointments = await this.appointments.countOfLead(context, id);
      return { dryRun: true, lead: this.leads.view(context, after, personal), ...answer, appointments };
    }
    // The archived lead leaves the index first, so that the other may take over its e-mail and phone.
    await this.repository.archive(context, from);
    const merged = await this.repository.update(context, into, { fields, personal, allowDuplicate: true });
    const appointments = await this.appointments.moveLead(context, id, intoId);
    return { dryRun: false, lead: this.leads.view(context, merged), ...answer, appointments };
  }
}

function assertOneClient(from: Lead, into: Lead): void {
  const [a, b] = [from.convertedClientId, into.convertedClientId];
  if (a !== null && b !== null && a !== b)
    throw new ApiError('CONFLICT', 'The leads became different clients; they cannot be one.');
}

function combinedFields(from: Lead, into: Lead): Partial<Lead> {
  const isConverted = into.convertedClientId === null && from.convertedClientId !== null;
  return {
    source: into.source ?? from.source,
    budgetMin: into.budgetMin ?? inCurrencyOf(into, from, from.budgetMin),
    budgetMax: into.budgetMax ?? inCurrencyOf(into, from, from.budgetMax),
    ownerId: into.ownerId ?? from.ownerId,
    tags: [...new Set([...into.tags, ...from.tags])].slice(0, MAX_TAGS),
    ...(isConverted && {
      leadStatus: 'converted',
      convertedClientId: from.convertedClientId,
      convertedAt: from.convertedAt,
    }),
  };
}

/** An amount of another currency, or one that would cross the other end of the budget, is not taken over. */
function inCurrencyOf(into: Lead, from: Lead, amount: number | null): number | null {
  const untouched = into.budgetMin === null && into.budgetMax === null;
  return into.currency === from.currency && untouched ? amount : null;
}

function combinedPersonal(from: LeadPersonal, into: LeadPersonal): LeadPersonal {
  const notes = [into.notes, from.notes].filter((text) => text !== null && text !== '');
  return {
    firstName: into.firstName,
    lastName: into.lastName ?? from.lastName,
    email: into.email ?? from.email,
    phone: into.phone ?? from.phone,
    notes: notes.length === 0 ? null : [...new Set(notes)].join('\n\n'),
  };
}

function changedNames(before: object, after: object, names: readonly string[]): string[] {
  const diff = diffOf(before as Record<string, unknown>, after as Record<string, unknown>, names);
  return Object.keys(diff?.newValues ?? {});
}

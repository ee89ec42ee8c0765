import { Injectable } from '@nestjs/common';
import type { RequestContext } from '../../platform/context/request-context.js';
import type { Bound } from '../../platform/database/list-query.js';
import { RecordService, refuse } from '../records/record.service.js';
import type { Fields, Narrowing } from '../records/record-rules.js';
import { RecordTools } from '../records/record-tools.js';
import type { Appointment, AppointmentPersonal } from './appointment.entity.js';
import { AppointmentsRepository } from './appointments.repository.js';
import type { AppointmentDetailView, AppointmentView } from './dto/appointment.view.js';
import { CreateAppointmentDto } from './dto/create-appointment.dto.js';
import { UpdateAppointmentDto } from './dto/update-appointment.dto.js';
import type { ListAppointmentsDto } from './dto/list-appointments.dto.js';

const MAX_LENGTH_MS = 31 * 86_400_000;

/** The rules of appointments. */
@Injectable()
export class AppointmentsService extends RecordService<
  Appointment,
  AppointmentPersonal,
  AppointmentView,
  CreateAppointmentDto,
  ListAppointmentsDto
> {
  constructor(
    private readonly appointments: AppointmentsRepository,
    tools: RecordTools,
  ) {
    super(
      appointments,
      {
        resource: 'appointments',
        bodies: { create: CreateAppointmentDto, update: UpdateAppointmentDto },
        masking: null,
        defaults: { type: 'meeting', status: 'scheduled' },
        filters: ['type', 'status', 'clientId', 'leadId', 'listingId', 'ownerId'],
        narrow: (_context, query) => startRange(query),
        check: (after) => {
          lastsAsLongAsItMay(after);
          if (after.clientId != null && after.leadId != null)
            refuse('leadId', 'is left out when there is a clientId');
        },
      },
      tools,
    );
  }

  /** How many appointments a lead has. */
  async countOfLead(context: RequestContext, leadId: string): Promise<number> {
    return (await this.appointments.ofLead(context, leadId)).length;
  }

  /** Stages the move of a lead's appointments to another lead; says how many. */
  async moveLead(context: RequestContext, fromId: string, intoId: string): Promise<number> {
    const moved = await this.appointments.ofLead(context, fromId);
    for (const appointment of moved)
      await this.appointments.update(context, appointment, { fields: { leadId: intoId } });
    return moved.length;
  }

  /** The appointment with the ids of what it overlaps. An overlap is a warning, never a refusal. */
  async withOverlaps(context: RequestContext, view: AppointmentView): Promise<AppointmentDetailView> {
    const { id, ownerId, status, startsAt, endsAt } = view;
    if (ownerId === null || status !== 'scheduled') return { ...view, overlaps: [] };
    return {
      ...view,
      overlaps: await this.appointments.overlapping(context, { id, ownerId, startsAt, endsAt }),
    };
  }
}

function lastsAsLongAsItMay({ startsAt, endsAt }: Fields): void {
  const lengthMs = Date.parse(String(endsAt)) - Date.parse(String(startsAt));
  if (lengthMs <= 0) refuse('endsAt', 'is after startsAt');
  if (lengthMs > MAX_LENGTH_MS) refuse('endsAt', 'is at most 31 days after startsAt');
}

/** A calendar asks for a range of starts and reads it in that order. */
function startRange({ startsAfter, startsBefore }: ListAppointmentsDto): Narrowing {
  const bounds: Bound[] = [];
  if (startsAfter !== undefined) bounds.push({ property: 'startsAt', compare: '>=', value: startsAfter });
  if (startsBefore !== undefined) bounds.push({ property: 'startsAt', compare: '<', value: startsBefore });
  return bounds.length === 0 ? {} : { bounds, sort: 'startsAt' };
}

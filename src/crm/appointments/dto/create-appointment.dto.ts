import { IsIn, IsOptional, IsTimeZone, IsUUID, MaxLength } from 'class-validator';
import { MayBeLeftOut } from '../../../platform/http/validators/may-be-left-out.js';
import { PlainText } from '../../../platform/http/validators/plain-text.js';
import { Moment } from '../../records/moment.js';
import { APPOINTMENT_STATUSES, APPOINTMENT_TYPES } from '../appointment.entity.js';

export class CreateAppointmentDto {
  /** @example Second showing */
  @PlainText(200)
  title: string;

  /** With an offset. */
  @Moment()
  startsAt: string;

  /** After `startsAt`, by at most 31 days. */
  @Moment()
  endsAt: string;

  /**
   * IANA name of the zone the appointment is meant in; times stay in UTC.
   * @example America/Los_Angeles
   */
  @IsOptional()
  @IsTimeZone()
  @MaxLength(64)
  timeZone?: string | null;

  /** @example 12 Harbor Street, Springfield */
  @IsOptional()
  @PlainText(500)
  location?: string | null;

  /** `meeting` unless told otherwise. */
  @MayBeLeftOut()
  @IsIn(APPOINTMENT_TYPES)
  type?: 'showing' | 'call' | 'meeting' | 'inspection';

  /** `scheduled` unless told otherwise. */
  @MayBeLeftOut()
  @IsIn(APPOINTMENT_STATUSES)
  status?: 'scheduled' | 'completed' | 'cancelled' | 'no_show';

  /** With whom: a client, or a lead, not both. */
  @IsOptional()
  @IsUUID()
  clientId?: string | null;

  /** With whom: a lead, or a client, not both. */
  @IsOptional()
  @IsUUID()
  leadId?: string | null;

  /** The property it is about. */
  @IsOptional()
  @IsUUID()
  listingId?: string | null;

  /** The member of the team whose appointment it is. */
  @IsOptional()
  @IsUUID()
  ownerId?: string | null;
}

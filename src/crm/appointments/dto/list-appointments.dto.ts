import { IsIn, IsOptional, IsUUID } from 'class-validator';
import { ListRecordsDto } from '../../records/list-records.dto.js';
import { Moment } from '../../records/moment.js';
import { APPOINTMENT_STATUSES, APPOINTMENT_TYPES } from '../appointment.entity.js';

export class ListAppointmentsDto extends ListRecordsDto {
  /** Order of the list; `-` for descending. */
  @IsOptional()
  @IsIn(['createdAt', '-createdAt', 'updatedAt', '-updatedAt', 'startsAt', '-startsAt'])
  sort?: 'createdAt' | '-createdAt' | 'updatedAt' | '-updatedAt' | 'startsAt' | '-startsAt';

  @IsOptional()
  @IsIn(APPOINTMENT_TYPES)
  type?: 'showing' | 'call' | 'meeting' | 'inspection';

  @IsOptional()
  @IsIn(APPOINTMENT_STATUSES)
  status?: 'scheduled' | 'completed' | 'cancelled' | 'no_show';

  @IsOptional()
  @IsUUID()
  clientId?: string;

  @IsOptional()
  @IsUUID()
  leadId?: string;

  @IsOptional()
  @IsUUID()
  listingId?: string;

  @IsOptional()
  @IsUUID()
  ownerId?: string;

  /** Appointments that start at or after this moment, in the order of their start. */
  @IsOptional()
  @Moment({ dayToo: true })
  startsAfter?: string;

  /** Appointments that start before this moment, in the order of their start. */
  @IsOptional()
  @Moment({ dayToo: true })
  startsBefore?: string;
}

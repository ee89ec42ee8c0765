import { PartialType } from '@nestjs/swagger';
import { CreateAppointmentDto } from './create-appointment.dto.js';

/** Any of the fields; what is not sent stays. Null empties a field that may be empty. */
export class UpdateAppointmentDto extends PartialType(CreateAppointmentDto, { skipNullProperties: false }) {}

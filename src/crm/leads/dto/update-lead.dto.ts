import { PartialType } from '@nestjs/swagger';
import { CreateLeadDto } from './create-lead.dto.js';

/** Any of the fields; what is not sent stays. Null empties a field that may be empty. */
export class UpdateLeadDto extends PartialType(CreateLeadDto, { skipNullProperties: false }) {}

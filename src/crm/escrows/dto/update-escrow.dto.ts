import { PartialType } from '@nestjs/swagger';
import { CreateEscrowDto } from './create-escrow.dto.js';

/** Any of the fields; what is not sent stays. Null empties a field that may be empty. */
export class UpdateEscrowDto extends PartialType(CreateEscrowDto, { skipNullProperties: false }) {}

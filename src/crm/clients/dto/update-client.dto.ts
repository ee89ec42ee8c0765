import { PartialType } from '@nestjs/swagger';
import { CreateClientDto } from './create-client.dto.js';

/** Any of the fields; what is not sent stays. Null empties a field that may be empty. */
export class UpdateClientDto extends PartialType(CreateClientDto, { skipNullProperties: false }) {}

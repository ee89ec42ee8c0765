import { PartialType } from '@nestjs/swagger';
import { CreateListingDto } from './create-listing.dto.js';

/** Any of the fields; what is not sent stays. Null empties a field that may be empty. */
export class UpdateListingDto extends PartialType(CreateListingDto, { skipNullProperties: false }) {}

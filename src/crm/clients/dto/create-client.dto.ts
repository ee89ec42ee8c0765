import { IsIn, IsOptional, IsUUID } from 'class-validator';
import { MayBeLeftOut } from '../../../platform/http/validators/may-be-left-out.js';
import { PlainText } from '../../../platform/http/validators/plain-text.js';
import { PersonDto } from '../../records/person.dto.js';
import { CLIENT_STATUSES, CLIENT_TYPES } from '../client.entity.js';

export class CreateClientDto extends PersonDto {
  /** `buyer` unless told otherwise. */
  @MayBeLeftOut()
  @IsIn(CLIENT_TYPES)
  type?: 'buyer' | 'seller' | 'investor' | 'renter';

  /** `active` unless told otherwise. */
  @MayBeLeftOut()
  @IsIn(CLIENT_STATUSES)
  status?: 'active' | 'inactive';

  /** @example 12 Harbor Street, Springfield */
  @IsOptional()
  @PlainText(500)
  address?: string | null;

  /** A member of the team. */
  @IsOptional()
  @IsUUID()
  ownerId?: string | null;
}

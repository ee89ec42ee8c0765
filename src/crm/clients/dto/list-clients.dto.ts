import { IsIn, IsOptional, IsUUID } from 'class-validator';
import { ListPeopleDto } from '../../records/list-records.dto.js';
import { CLIENT_STATUSES, CLIENT_TYPES } from '../client.entity.js';

export class ListClientsDto extends ListPeopleDto {
  /** Order of the list; `-` for descending. */
  @IsOptional()
  @IsIn(['createdAt', '-createdAt', 'updatedAt', '-updatedAt'])
  sort?: 'createdAt' | '-createdAt' | 'updatedAt' | '-updatedAt';

  @IsOptional()
  @IsIn(CLIENT_TYPES)
  type?: 'buyer' | 'seller' | 'investor' | 'renter';

  @IsOptional()
  @IsIn(CLIENT_STATUSES)
  status?: 'active' | 'inactive';

  @IsOptional()
  @IsUUID()
  ownerId?: string;
}

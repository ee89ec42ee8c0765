import { IsIn, IsOptional, IsString, IsUUID, MaxLength } from 'class-validator';
import { ListPeopleDto } from '../../records/list-records.dto.js';
import { LEAD_STATUSES, LEAD_TYPES } from '../lead.entity.js';

export class ListLeadsDto extends ListPeopleDto {
  /** Order of the list; `-` for descending. */
  @IsOptional()
  @IsIn(['createdAt', '-createdAt', 'updatedAt', '-updatedAt'])
  sort?: 'createdAt' | '-createdAt' | 'updatedAt' | '-updatedAt';

  @IsOptional()
  @IsIn(LEAD_TYPES)
  leadType?: 'buyer' | 'seller' | 'renter' | 'investor';

  @IsOptional()
  @IsIn(LEAD_STATUSES)
  leadStatus?: 'new' | 'contacted' | 'qualified' | 'unqualified' | 'converted' | 'lost';

  @IsOptional()
  @IsString()
  @MaxLength(100)
  source?: string;

  @IsOptional()
  @IsUUID()
  ownerId?: string;
}

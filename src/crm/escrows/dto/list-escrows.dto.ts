import { IsIn, IsOptional, IsString, IsUUID, MaxLength } from 'class-validator';
import { ListRecordsDto } from '../../records/list-records.dto.js';
import { ESCROW_STATUSES } from '../escrow.entity.js';

export class ListEscrowsDto extends ListRecordsDto {
  /** Order of the list; `-` for descending. Escrows without a closing date come last. */
  @IsOptional()
  @IsIn(['createdAt', '-createdAt', 'updatedAt', '-updatedAt', 'closesAt', '-closesAt'])
  sort?: 'createdAt' | '-createdAt' | 'updatedAt' | '-updatedAt' | 'closesAt' | '-closesAt';

  @IsOptional()
  @IsIn(ESCROW_STATUSES)
  status?: 'open' | 'contingent' | 'cleared' | 'closed' | 'cancelled';

  @IsOptional()
  @IsUUID()
  listingId?: string;

  @IsOptional()
  @IsUUID()
  clientId?: string;

  @IsOptional()
  @IsString()
  @MaxLength(50)
  escrowNumber?: string;

  @IsOptional()
  @IsUUID()
  ownerId?: string;
}

import { Type } from 'class-transformer';
import { IsIn, IsOptional, IsString, IsUUID, MaxLength, MinLength } from 'class-validator';
import { ListRecordsDto } from '../../records/list-records.dto.js';
import { MinorUnits } from '../../records/money.js';
import { LISTING_STATUSES } from '../listing.entity.js';

export class ListListingsDto extends ListRecordsDto {
  /** Order of the list; `-` for descending. Listings without a price count as the cheapest. */
  @IsOptional()
  @IsIn(['createdAt', '-createdAt', 'updatedAt', '-updatedAt', 'price', '-price'])
  sort?: 'createdAt' | '-createdAt' | 'updatedAt' | '-updatedAt' | 'price' | '-price';

  /** Words of street, city, postal code and MLS number, from three letters on. */
  @IsOptional()
  @IsString()
  @MinLength(1)
  @MaxLength(100)
  q?: string;

  @IsOptional()
  @IsIn(LISTING_STATUSES)
  status?: 'active' | 'pending' | 'sold' | 'withdrawn';

  @IsOptional()
  @IsString()
  @MaxLength(50)
  propertyType?: string;

  @IsOptional()
  @IsString()
  @MaxLength(100)
  city?: string;

  @IsOptional()
  @IsString()
  @MaxLength(100)
  state?: string;

  @IsOptional()
  @IsString()
  @MaxLength(20)
  postalCode?: string;

  @IsOptional()
  @IsString()
  @MaxLength(50)
  mlsNumber?: string;

  @IsOptional()
  @IsUUID()
  ownerId?: string;

  /** Minor units. */
  @IsOptional()
  @Type(() => Number)
  @MinorUnits()
  minPrice?: number;

  /** Minor units. */
  @IsOptional()
  @Type(() => Number)
  @MinorUnits()
  maxPrice?: number;
}

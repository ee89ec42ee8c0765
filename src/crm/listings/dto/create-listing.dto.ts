import { IsIn, IsInt, IsNumber, IsOptional, IsUUID, Max, Min } from 'class-validator';
import { MayBeLeftOut } from '../../../platform/http/validators/may-be-left-out.js';
import { PlainText } from '../../../platform/http/validators/plain-text.js';
import { Currency, MinorUnits } from '../../records/money.js';
import { Moment } from '../../records/moment.js';
import { LISTING_STATUSES } from '../listing.entity.js';
import { InQuarters } from './in-quarters.js';

export class CreateListingDto {
  /** @example 12 Harbor Street */
  @PlainText(200)
  street: string;

  /** @example Springfield */
  @IsOptional()
  @PlainText(100)
  city?: string | null;

  /** @example WA */
  @IsOptional()
  @PlainText(100)
  state?: string | null;

  /** @example 98001 */
  @IsOptional()
  @PlainText(20)
  postalCode?: string | null;

  @IsOptional()
  @IsNumber()
  @Min(-90)
  @Max(90)
  latitude?: number | null;

  @IsOptional()
  @IsNumber()
  @Min(-180)
  @Max(180)
  longitude?: number | null;

  /**
   * Minor units of `currency`.
   * @example 75000000
   */
  @IsOptional()
  @MinorUnits()
  price?: number | null;

  /**
   * ISO 4217; `USD` unless told otherwise.
   * @example USD
   */
  @MayBeLeftOut()
  @Currency()
  currency?: string;

  /** @example single_family */
  @IsOptional()
  @PlainText(50)
  propertyType?: string | null;

  /** `active` unless told otherwise. */
  @MayBeLeftOut()
  @IsIn(LISTING_STATUSES)
  status?: 'active' | 'pending' | 'sold' | 'withdrawn';

  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(1000)
  bedrooms?: number | null;

  /**
   * In quarters: a toilet and a basin are a half.
   * @example 2.25
   */
  @IsOptional()
  @IsNumber()
  @InQuarters()
  @Min(0)
  @Max(1000)
  bathrooms?: number | null;

  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(2_000_000_000)
  squareFeet?: number | null;

  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(2_000_000_000)
  lotSquareFeet?: number | null;

  @IsOptional()
  @IsInt()
  @Min(1000)
  @Max(3000)
  yearBuilt?: number | null;

  @IsOptional()
  @Moment({ dayToo: true })
  listedAt?: string | null;

  /** Unique in the team. */
  @IsOptional()
  @PlainText(50)
  mlsNumber?: string | null;

  /** The member of the team who sells it. */
  @IsOptional()
  @IsUUID()
  ownerId?: string | null;
}

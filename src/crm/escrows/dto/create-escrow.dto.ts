import { Type } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsBoolean, IsIn, IsOptional, IsUUID, ValidateNested } from 'class-validator';
import { MayBeLeftOut } from '../../../platform/http/validators/may-be-left-out.js';
import { PlainText } from '../../../platform/http/validators/plain-text.js';
import { Currency, MinorUnits } from '../../records/money.js';
import { Moment } from '../../records/moment.js';
import { ESCROW_STATUSES } from '../escrow.entity.js';

export class ChecklistItemDto {
  /** @example Appraisal received */
  @PlainText(200)
  label: string;

  @IsBoolean()
  done: boolean = false;

  @IsOptional()
  @Moment({ dayToo: true })
  dueAt: string | null = null;
}

export class CreateEscrowDto {
  /** The property that is sold. */
  @IsOptional()
  @IsUUID()
  listingId?: string | null;

  /** The client of the team in this sale. */
  @IsOptional()
  @IsUUID()
  clientId?: string | null;

  /**
   * Unique in the team.
   * @example ESC-2026-0042
   */
  @PlainText(50)
  escrowNumber: string;

  /** `open` unless told otherwise. */
  @MayBeLeftOut()
  @IsIn(ESCROW_STATUSES)
  status?: 'open' | 'contingent' | 'cleared' | 'closed' | 'cancelled';

  /**
   * Minor units of `currency`.
   * @example 75000000
   */
  @IsOptional()
  @MinorUnits()
  purchasePrice?: number | null;

  /**
   * ISO 4217; `USD` unless told otherwise.
   * @example USD
   */
  @MayBeLeftOut()
  @Currency()
  currency?: string;

  @IsOptional()
  @Moment({ dayToo: true })
  openedAt?: string | null;

  /** The day the sale is meant to close; not before `openedAt`. */
  @IsOptional()
  @Moment({ dayToo: true })
  closesAt?: string | null;

  /** What must be done before closing; a new list replaces the old one. */
  @MayBeLeftOut()
  @IsArray()
  @ArrayMaxSize(100)
  @ValidateNested({ each: true })
  @Type(() => ChecklistItemDto)
  checklist?: ChecklistItemDto[];

  /** The member of the team who looks after it. */
  @IsOptional()
  @IsUUID()
  ownerId?: string | null;
}

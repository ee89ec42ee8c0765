import { IsIn, IsOptional, IsUUID } from 'class-validator';
import { MayBeLeftOut } from '../../../platform/http/validators/may-be-left-out.js';
import { PlainText } from '../../../platform/http/validators/plain-text.js';
import { Currency, MinorUnits } from '../../records/money.js';
import { PersonDto } from '../../records/person.dto.js';
import { LEAD_STATUSES, LEAD_TYPES } from '../lead.entity.js';

export class CreateLeadDto extends PersonDto {
  /** `buyer` unless told otherwise. */
  @MayBeLeftOut()
  @IsIn(LEAD_TYPES)
  leadType?: 'buyer' | 'seller' | 'renter' | 'investor';

  /** `new` unless told otherwise. */
  @MayBeLeftOut()
  @IsIn(LEAD_STATUSES)
  leadStatus?: 'new' | 'contacted' | 'qualified' | 'unqualified' | 'converted' | 'lost';

  /**
   * Where the lead came from: a channel, not a person (it is kept in the clear and can be filtered by).
   * @example website
   */
  @IsOptional()
  @PlainText(100)
  source?: string | null;

  /**
   * Minor units of `currency`.
   * @example 45000000
   */
  @IsOptional()
  @MinorUnits()
  budgetMin?: number | null;

  /**
   * Minor units of `currency`.
   * @example 60000000
   */
  @IsOptional()
  @MinorUnits()
  budgetMax?: number | null;

  /**
   * ISO 4217; `USD` unless told otherwise.
   * @example USD
   */
  @MayBeLeftOut()
  @Currency()
  currency?: string;

  /** The member of the team the lead is assigned to. */
  @IsOptional()
  @IsUUID()
  ownerId?: string | null;
}

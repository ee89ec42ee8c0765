import { IsBoolean, IsIn, IsOptional, IsUUID } from 'class-validator';
import { IsEmailAddress } from '../../../identity/users/is-email-address.js';
import { MayBeLeftOut } from '../../../platform/http/validators/may-be-left-out.js';
import { PlainText } from '../../../platform/http/validators/plain-text.js';
import { Tags } from '../../records/tags.js';
import { CLIENT_STATUSES, CLIENT_TYPES } from '../client.entity.js';

export class CreateClientDto {
  /** @example Jordan */
  @PlainText(100)
  firstName: string;

  /** @example Rivera */
  @IsOptional()
  @PlainText(100)
  lastName?: string | null;

  /** @example jordan.rivera@example.com */
  @IsOptional()
  @IsEmailAddress()
  email?: string | null;

  /**
   * Any common way of writing it; stored as E.164, without a country code in the team's region.
   * @example (555) 123-4567
   */
  @IsOptional()
  @PlainText(40)
  phone?: string | null;

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

  @IsOptional()
  @PlainText(10_000, { multiline: true })
  notes?: string | null;

  /** @example ["waterfront"] */
  @MayBeLeftOut()
  @Tags()
  tags?: string[];

  /** A member of the team. */
  @IsOptional()
  @IsUUID()
  ownerId?: string | null;

  /** Keep the record although another has the same e-mail or phone. */
  @MayBeLeftOut()
  @IsBoolean()
  allowDuplicate?: boolean;
}

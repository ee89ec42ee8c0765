import { IsBoolean, IsOptional } from 'class-validator';
import { IsEmailAddress } from '../../identity/users/is-email-address.js';
import { MayBeLeftOut } from '../../platform/http/validators/may-be-left-out.js';
import { NotMasked, PlainText } from '../../platform/http/validators/plain-text.js';
import { Tags } from './tags.js';

/** What leads and clients have in common. */
export class PersonDto {
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
  @NotMasked()
  email?: string | null;

  /**
   * Any common way of writing it; stored as E.164, without a country code in the team's region.
   * @example (555) 123-4567
   */
  @IsOptional()
  @PlainText(40)
  phone?: string | null;

  @IsOptional()
  @PlainText(10_000, { multiline: true })
  notes?: string | null;

  /** @example ["waterfront"] */
  @MayBeLeftOut()
  @Tags()
  tags?: string[];

  /** Keep the record although another has the same e-mail or phone. */
  @MayBeLeftOut()
  @IsBoolean()
  allowDuplicate?: boolean;
}

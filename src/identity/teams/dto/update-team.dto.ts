import { IsISO31661Alpha2, Matches } from 'class-validator';
import { MayBeLeftOut } from '../../../platform/http/validators/may-be-left-out.js';
import { PlainText } from '../../../platform/http/validators/plain-text.js';

export class UpdateTeamDto {
  /** @example Harbor Realty */
  @MayBeLeftOut()
  @PlainText(200)
  name?: string;

  /**
   * Region of phone numbers written without a country code: ISO 3166-1 alpha-2, upper case.
   * @example US
   */
  @MayBeLeftOut()
  @IsISO31661Alpha2()
  @Matches(/^[A-Z]{2}$/, { message: 'is in upper case' })
  defaultRegion?: string;
}

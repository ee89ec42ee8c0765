import { IsString, MaxLength, MinLength } from 'class-validator';
import { PlainText } from '../../../platform/http/validators/plain-text.js';
import { IsEmailAddress } from '../../users/is-email-address.js';

export class RegisterDto {
  /**
   * Address to sign in with; compared without regard to case.
   * @example owner@example.com
   */
  @IsEmailAddress()
  email: string;

  /**
   * 15 to 128 characters of anything, or 12 to 14 with upper and lower case, a digit and a symbol.
   * @example correct horse battery staple
   */
  @IsString()
  @MinLength(1)
  @MaxLength(512)
  password: string;

  /**
   * The person's name.
   * @example Alex Morgan
   */
  @PlainText(200)
  name: string;

  /**
   * Name of the new team.
   * @example Harbor Realty
   */
  @PlainText(200)
  teamName: string;
}

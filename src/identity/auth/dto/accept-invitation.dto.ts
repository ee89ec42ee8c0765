import { IsString, MaxLength, MinLength } from 'class-validator';
import { MayBeLeftOut } from '../../../platform/http/validators/may-be-left-out.js';
import { PlainText } from '../../../platform/http/validators/plain-text.js';

export class AcceptInvitationDto {
  /** From the link in the mail. */
  @IsString()
  @MinLength(1)
  @MaxLength(200)
  token: string;

  /**
   * The person's name; needed for a new account.
   * @example Jamie Reyes
   */
  @MayBeLeftOut()
  @PlainText(200)
  name?: string;

  /**
   * Password of the new account: 15 to 128 characters of anything, or 12 to 14 with upper and lower case, a digit
   * and a symbol.
   * @example correct horse battery staple
   */
  @MayBeLeftOut()
  @IsString()
  @MinLength(1)
  @MaxLength(512)
  password?: string;
}

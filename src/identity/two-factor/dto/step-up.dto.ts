import { IsString, MaxLength, MinLength } from 'class-validator';
import { MayBeLeftOut } from '../../../platform/http/validators/may-be-left-out.js';

/** One of the two: the code for those who have a second factor, the password for the others. */
export class StepUpDto {
  /**
   * Six digits of the authenticator app, or a backup code.
   * @example 123456
   */
  @MayBeLeftOut()
  @IsString()
  @MinLength(1)
  @MaxLength(64)
  code?: string;

  @MayBeLeftOut()
  @IsString()
  @MinLength(1)
  @MaxLength(512)
  password?: string;
}

import { IsString, MaxLength, MinLength } from 'class-validator';

export class TwoFactorCodeDto {
  /**
   * Six digits of the authenticator app; once two-factor authentication is on, a backup code works as well.
   * @example 123456
   */
  @IsString()
  @MinLength(1)
  @MaxLength(64)
  code: string;
}

import { IsString, MaxLength, MinLength } from 'class-validator';

export class TwoFactorLoginDto {
  /** From the answer of `POST /v1/auth/login`; good for five minutes and five codes. */
  @IsString()
  @MinLength(1)
  @MaxLength(200)
  challengeToken: string;

  /**
   * Six digits of the authenticator app, or a backup code.
   * @example 123456
   */
  @IsString()
  @MinLength(1)
  @MaxLength(64)
  code: string;
}

import { IsString, MaxLength, MinLength } from 'class-validator';
import { IsEmailAddress } from '../../users/is-email-address.js';

const MAX_TOKEN_LENGTH = 200;
const MAX_PASSWORD_LENGTH = 512;

export class ChangePasswordDto {
  /** The password in use. */
  @IsString()
  @MinLength(1)
  @MaxLength(MAX_PASSWORD_LENGTH)
  currentPassword: string;

  /**
   * 15 to 128 characters of anything, or 12 to 14 with upper and lower case, a digit and a symbol.
   * @example correct horse battery staple
   */
  @IsString()
  @MinLength(1)
  @MaxLength(MAX_PASSWORD_LENGTH)
  newPassword: string;
}

export class ForgotPasswordDto {
  /** @example owner@example.com */
  @IsEmailAddress()
  email: string;
}

export class ResetPasswordDto {
  /** From the link in the mail. */
  @IsString()
  @MinLength(1)
  @MaxLength(MAX_TOKEN_LENGTH)
  token: string;

  /**
   * 15 to 128 characters of anything, or 12 to 14 with upper and lower case, a digit and a symbol.
   * @example correct horse battery staple
   */
  @IsString()
  @MinLength(1)
  @MaxLength(MAX_PASSWORD_LENGTH)
  newPassword: string;
}

export class VerifyEmailDto {
  /** From the link in the mail. */
  @IsString()
  @MinLength(1)
  @MaxLength(MAX_TOKEN_LENGTH)
  token: string;
}

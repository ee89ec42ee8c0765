import { IsString, MaxLength, MinLength } from 'class-validator';
import { IsEmailAddress } from '../../users/is-email-address.js';

export class LoginDto {
  /** @example owner@example.com */
  @IsEmailAddress()
  email: string;

  @IsString()
  @MinLength(1)
  @MaxLength(512)
  password: string;
}

import { IsString, IsUUID, MaxLength, MinLength } from 'class-validator';
import { MayBeLeftOut } from '../../../platform/http/validators/may-be-left-out.js';
import { IsEmailAddress } from '../../users/is-email-address.js';

export class LoginDto {
  /** @example owner@example.com */
  @IsEmailAddress()
  email: string;

  @IsString()
  @MinLength(1)
  @MaxLength(512)
  password: string;

  /** The team to sign in to, of `GET /v1/auth/teams`; without it the one that was joined first. 403 for one that is not the person's. */
  @MayBeLeftOut()
  @IsUUID()
  teamId?: string;
}

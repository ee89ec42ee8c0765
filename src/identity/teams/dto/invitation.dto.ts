import { IsIn } from 'class-validator';
import { type Role, ROLES } from '../../../platform/context/principal.js';
import { IsEmailAddress } from '../../users/is-email-address.js';

export class CreateInvitationDto {
  /** @example agent@example.com */
  @IsEmailAddress()
  email: string;

  /** Not above the caller's own. */
  @IsIn(ROLES)
  role: Role;
}

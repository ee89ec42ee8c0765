import { IsIn } from 'class-validator';
import { type Role, ROLES } from '../../../platform/context/principal.js';

export class ChangeMemberDto {
  /** Not above the caller's own. */
  @IsIn(ROLES)
  role: Role;
}

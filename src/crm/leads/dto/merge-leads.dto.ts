import { IsBoolean, IsUUID } from 'class-validator';
import { MayBeLeftOut } from '../../../platform/http/validators/may-be-left-out.js';

export class MergeLeadsDto {
  /** The lead that stays. */
  @IsUUID()
  intoId: string;

  /** Show what would happen, and change nothing. */
  @MayBeLeftOut()
  @IsBoolean()
  dryRun?: boolean;
}

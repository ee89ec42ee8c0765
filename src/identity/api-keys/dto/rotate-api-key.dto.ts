import { IsInt, Max, Min } from 'class-validator';
import { MayBeLeftOut } from '../../../platform/http/validators/may-be-left-out.js';

export class RotateApiKeyDto {
  /**
   * Hours for which the old key goes on working, 0 to 168, never past its own expiry; 0 ends it at once.
   * @example 24
   */
  @MayBeLeftOut()
  @IsInt()
  @Min(0)
  @Max(168)
  overlapHours: number = 24;
}

import { IsIn, IsISO8601, IsOptional, IsUUID, Matches, MaxLength } from 'class-validator';
import { CHANGE_ACTIONS } from '../../../platform/database/change-recorder.js';
import { PageDto } from '../../../platform/http/page.dto.js';

export class AuditQueryDto extends PageDto {
  /** Kind of record, such as `client`. */
  @IsOptional()
  @Matches(/^[a-z_]{1,50}$/)
  resourceType?: string;

  @IsOptional()
  @IsUUID()
  resourceId?: string;

  /** The person who acted, directly or through a key. */
  @IsOptional()
  @IsUUID()
  userId?: string;

  @IsOptional()
  @IsUUID()
  apiKeyId?: string;

  @IsOptional()
  @IsIn(CHANGE_ACTIONS)
  action?: 'CREATE' | 'UPDATE' | 'DELETE';

  /** Rows written at or after this moment. */
  @IsOptional()
  @IsISO8601({ strict: true, strictSeparator: true })
  @MaxLength(40)
  from?: string;

  /** Rows written before this moment. */
  @IsOptional()
  @IsISO8601({ strict: true, strictSeparator: true })
  @MaxLength(40)
  to?: string;

  /** Rows of one request. */
  @IsOptional()
  @Matches(/^[A-Za-z0-9._-]{1,64}$/)
  requestId?: string;
}

import { Type } from 'class-transformer';
import { IsIn, IsInt, IsISO8601, IsOptional, IsUUID, Matches, Max, MaxLength, Min } from 'class-validator';
import { PageDto } from '../../../platform/http/page.dto.js';
import { EVENT_TYPE_NAMES, SEVERITIES, type SecurityEventType, type Severity } from '../event-types.js';

export class EventQueryDto extends PageDto {
  /** Type of event, such as `login_failed`. */
  @IsOptional()
  @IsIn(EVENT_TYPE_NAMES)
  type?: SecurityEventType;

  @IsOptional()
  @IsIn(SEVERITIES)
  severity?: Severity;

  /** The person the event is about. */
  @IsOptional()
  @IsUUID()
  userId?: string;

  /** Events of one request. */
  @IsOptional()
  @Matches(/^[A-Za-z0-9._-]{1,64}$/)
  requestId?: string;

  /** Events at or after this moment. */
  @IsOptional()
  @IsISO8601({ strict: true, strictSeparator: true })
  @MaxLength(40)
  from?: string;

  /** Events before this moment. */
  @IsOptional()
  @IsISO8601({ strict: true, strictSeparator: true })
  @MaxLength(40)
  to?: string;
}

export class EventSummaryQueryDto {
  /** How many days, today included. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(365)
  days: number = 30;
}

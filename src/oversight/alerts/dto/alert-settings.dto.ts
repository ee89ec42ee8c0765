import { ArrayMaxSize, ArrayUnique, IsArray, IsIn, MaxLength } from 'class-validator';
import { MailAddress } from '../../../platform/http/validators/mail-address.js';
import { EVENT_TYPE_NAMES, SEVERITIES, type Severity } from '../../security-events/event-types.js';

export class AlertSettingsDto {
  /** Events of at least this severity are mailed. */
  @IsIn(SEVERITIES)
  minSeverity: Severity;

  /** Who is told; nobody when empty. */
  @IsArray()
  @ArrayMaxSize(20)
  @ArrayUnique()
  @MailAddress({ each: true })
  @MaxLength(254, { each: true })
  emails: string[];

  /** Only these types of event; all of them when empty. */
  @IsArray()
  @ArrayMaxSize(100)
  @ArrayUnique()
  @IsIn(EVENT_TYPE_NAMES, { each: true })
  types: string[];
}

/** Which security events the team is told of. */
export class AlertSettingsView {
  minSeverity: 'low' | 'medium' | 'high' | 'critical';
  emails: string[];
  /** Empty for all types. */
  types: string[];
}

import {
  ArrayMaxSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsIn,
  IsOptional,
  IsString,
  MaxLength,
} from 'class-validator';
import { MailAddress } from '../../../platform/http/validators/mail-address.js';
import { MayBeLeftOut } from '../../../platform/http/validators/may-be-left-out.js';
import { EVENT_TYPE_NAMES, SEVERITIES, type Severity } from '../../security-events/event-types.js';

export class AlertSettingsDto {
  /** Events of at least this severity are told. */
  @IsIn(SEVERITIES)
  minSeverity: Severity;

  /** Who is mailed; nobody when empty. */
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

  /** Whether a summary of each day (UTC) goes to the same people and to the webhook; stays as it is when left out. */
  @MayBeLeftOut()
  @IsBoolean()
  digest?: boolean;

  /**
   * Where alerts are posted to, signed as Standard Webhooks say: https, and no private address. Null removes it; left
   * out it stays as it is. The answer shows the signing secret of a new one, once.
   * @example https://hooks.example.com/latchkey
   */
  @IsOptional()
  @IsString()
  @MaxLength(2048)
  webhookUrl?: string | null;

  /** Makes a new signing secret for the webhook; the old one is not used any more. */
  @MayBeLeftOut()
  @IsBoolean()
  rotateWebhookSecret?: boolean;
}

/** Which security events the team is told of. */
export class AlertSettingsView {
  minSeverity: 'low' | 'medium' | 'high' | 'critical';
  emails: string[];
  /** Empty for all types. */
  types: string[];
  /** Whether a summary of each day is sent. */
  digest: boolean;
  /** Host and port of the webhook; the rest of its URL may be a secret and is never shown. Null without one. */
  webhookHost: string | null;
}

export class ReplacedAlertSettingsView extends AlertSettingsView {
  /** `whsec_` and base64: the signing secret, when this request made one. It is shown here only. */
  webhookSecret: string | null;
}

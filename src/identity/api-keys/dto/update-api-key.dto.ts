import { IsIn, IsOptional } from 'class-validator';
import { MayBeLeftOut } from '../../../platform/http/validators/may-be-left-out.js';
import { PlainText } from '../../../platform/http/validators/plain-text.js';
import { AddressRanges, Moment, RequestsPerMinute, ScopeList } from './api-key-fields.js';

/** Any of the fields; what is not sent stays. */
export class UpdateApiKeyDto {
  /** What the key is for. */
  @MayBeLeftOut()
  @PlainText(100)
  name?: string;

  /** The whole new list of scopes; you must hold each of them yourself. */
  @MayBeLeftOut()
  @ScopeList()
  scopes?: string[];

  /** The whole new list of addresses and CIDR ranges; an empty one means anywhere. */
  @MayBeLeftOut()
  @AddressRanges()
  allowedIps?: string[];

  /** `observe` records uses from elsewhere and lets them pass. */
  @MayBeLeftOut()
  @IsIn(['enforce', 'observe'])
  ipMode?: 'enforce' | 'observe';

  /** When the key ends, ISO 8601; at most 365 days from now. */
  @MayBeLeftOut()
  @Moment()
  expiresAt?: string;

  /** Requests a minute for this key alone; null goes back to the default. */
  @IsOptional()
  @RequestsPerMinute()
  rateLimitPerMinute?: number | null;
}

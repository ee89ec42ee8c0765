import { IsIn, IsInt, IsOptional, Max, Min } from 'class-validator';
import { MayBeLeftOut } from '../../../platform/http/validators/may-be-left-out.js';
import { PlainText } from '../../../platform/http/validators/plain-text.js';
import { AddressRanges, Moment, RequestsPerMinute, ScopeList } from './api-key-fields.js';

export class CreateApiKeyDto {
  /**
   * What the key is for.
   * @example Website lead form
   */
  @PlainText(100)
  name: string;

  /**
   * Scopes such as `clients:read`; none at all means a key that can do nothing.
   * @example ["clients:read","clients:write"]
   */
  @MayBeLeftOut()
  @ScopeList()
  scopes: string[] = [];

  /** `test` keys see and make only sandbox records. */
  @MayBeLeftOut()
  @IsIn(['live', 'test'])
  environment: 'live' | 'test' = 'live';

  /**
   * Addresses and CIDR ranges the key may be used from; none means anywhere.
   * @example ["203.0.113.0/24"]
   */
  @MayBeLeftOut()
  @AddressRanges()
  allowedIps: string[] = [];

  /** `observe` records uses from elsewhere and lets them pass. */
  @MayBeLeftOut()
  @IsIn(['enforce', 'observe'])
  ipMode: 'enforce' | 'observe' = 'enforce';

  /** When the key ends, ISO 8601; at most 365 days ahead. Give this or `expiresInDays`. */
  @MayBeLeftOut()
  @Moment()
  expiresAt?: string;

  /** Life in days, 1 to 365; 90 when neither is given. */
  @MayBeLeftOut()
  @IsInt()
  @Min(1)
  @Max(365)
  expiresInDays?: number;

  /** Requests a minute for this key alone; null or nothing for the default. */
  @IsOptional()
  @RequestsPerMinute()
  rateLimitPerMinute?: number | null;
}

import {
  ArrayMaxSize,
  ArrayUnique,
  IsArray,
  IsIn,
  IsInt,
  IsISO8601,
  IsOptional,
  IsString,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import { PlainText } from '../../../platform/http/validators/plain-text.js';

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
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(100)
  @ArrayUnique()
  @IsString({ each: true })
  @MaxLength(64, { each: true })
  scopes: string[] = [];

  /** `test` keys see and make only sandbox records. */
  @IsOptional()
  @IsIn(['live', 'test'])
  environment: 'live' | 'test' = 'live';

  /**
   * Addresses and CIDR ranges the key may be used from; none means anywhere.
   * @example ["203.0.113.0/24"]
   */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(100)
  @IsString({ each: true })
  @MaxLength(64, { each: true })
  allowedIps: string[] = [];

  /** `observe` records uses from elsewhere and lets them pass. */
  @IsOptional()
  @IsIn(['enforce', 'observe'])
  ipMode: 'enforce' | 'observe' = 'enforce';

  /** When the key ends, ISO 8601; at most 365 days ahead. Give this or `expiresInDays`. */
  @IsOptional()
  @IsISO8601({ strict: true, strictSeparator: true })
  @MaxLength(40)
  expiresAt?: string;

  /** Life in days, 1 to 365; 90 when neither is given. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(365)
  expiresInDays?: number;

  /** Requests a minute for this key alone. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(100_000)
  rateLimitPerMinute?: number;
}

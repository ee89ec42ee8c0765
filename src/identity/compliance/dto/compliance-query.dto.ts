import { IsIn, IsISO8601, IsOptional, MaxLength } from 'class-validator';

export class ComplianceQueryDto {
  /** Beginning of the period, ISO 8601; 30 days before its end by default. */
  @IsOptional()
  @IsISO8601({ strict: true, strictSeparator: true })
  @MaxLength(40)
  from?: string;

  /** End of the period, ISO 8601; now by default. A period has at most 366 days. */
  @IsOptional()
  @IsISO8601({ strict: true, strictSeparator: true })
  @MaxLength(40)
  to?: string;

  /** `html` for a page to print; `Accept: text/html` does the same. */
  @IsOptional()
  @IsIn(['json', 'html'])
  format?: 'json' | 'html';
}

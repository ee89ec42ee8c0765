import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, Max, MaxLength, Min, MinLength } from 'class-validator';

/** A list without filters. */
export class PageDto {
  /** Rows a page. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(100)
  limit: number = 50;

  /** `meta.nextCursor` of the page before. */
  @IsOptional()
  @IsString()
  @MinLength(1)
  @MaxLength(1000)
  cursor?: string;
}

import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, Max, MaxLength, Min, MinLength } from 'class-validator';

/** What every list takes; lists with filters extend it. */
export class PageDto {
  /** Rows a page. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(100)
  limit: number = 50;

  /** `meta.nextCursor` of the page before; good for the same filters and sort only. */
  @IsOptional()
  @IsString()
  @MinLength(1)
  @MaxLength(1000)
  cursor?: string;
}

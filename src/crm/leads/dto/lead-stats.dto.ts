import { IsIn, IsOptional } from 'class-validator';

export class LeadStatsDto {
  /** How far back to count. */
  @IsOptional()
  @IsIn(['24h', '7d', '30d', '90d'])
  timeframe: '24h' | '7d' | '30d' | '90d' = '30d';
}

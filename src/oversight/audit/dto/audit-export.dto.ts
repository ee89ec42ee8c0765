import { IsIn, IsOptional } from 'class-validator';

export const EXPORT_FORMATS = ['ndjson', 'csv'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export class AuditExportDto {
  /** `ndjson` can be checked offline; `csv` is for spreadsheets. */
  @IsOptional()
  @IsIn(EXPORT_FORMATS)
  format: ExportFormat = 'ndjson';
}

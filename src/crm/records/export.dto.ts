import { IsIn, IsOptional } from 'class-validator';

export const EXPORT_FORMATS = ['csv', 'ndjson'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export class ExportFormatDto {
  /** `csv` for spreadsheets; `ndjson` is one record as the API shows it a line. */
  @IsOptional()
  @IsIn(EXPORT_FORMATS)
  format: 'csv' | 'ndjson' = 'csv';
}

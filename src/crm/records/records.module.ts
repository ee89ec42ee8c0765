import { Global, Module } from '@nestjs/common';
import { BulkRunner } from './bulk-runner.js';
import { RecordExport } from './record-export.js';
import { RecordHistory } from './record-history.js';
import { RecordTools } from './record-tools.js';
import { SensitiveReads } from './sensitive-reads.js';
import { SubjectData } from './subject-data.js';

/** What every CRM resource works with. */
@Global()
@Module({
  providers: [BulkRunner, RecordExport, RecordHistory, RecordTools, SensitiveReads, SubjectData],
  exports: [RecordExport, RecordTools, SubjectData],
})
export class RecordsModule {}

import { Injectable } from '@nestjs/common';
import { PersonalViews } from '../../oversight/audit/personal-fields.js';
import { BulkRunner } from './bulk-runner.js';
import { RecordHistory } from './record-history.js';
import { SensitiveReads } from './sensitive-reads.js';

/** The parts of {@link RecordService}, so that a resource asks for one thing. */
@Injectable()
export class RecordTools {
  constructor(
    readonly views: PersonalViews,
    readonly history: RecordHistory,
    readonly reads: SensitiveReads,
    readonly bulk: BulkRunner,
  ) {}
}

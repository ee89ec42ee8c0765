import { Global, Module } from '@nestjs/common';
import { ChangeRecorder } from '../../platform/database/change-recorder.js';
import { AuditController } from './audit.controller.js';
import { AuditExport } from './audit-export.js';
import { AuditKeys } from './audit-keys.js';
import { AuditPartitions } from './audit-partitions.js';
import { AuditReader } from './audit-reader.js';
import { AuditRetention } from './audit-retention.js';
import { AuditSealer } from './audit-sealer.js';
import { AuditVerifier } from './audit-verifier.js';
import { AuditWriter } from './audit-writer.js';
import { BatchMaker } from './batch-maker.js';
import { AuditForwarder } from './forwarding/audit-forwarder.js';
import { AuditForwardingController } from './forwarding/audit-forwarding.controller.js';
import { ForwardingStatus } from './forwarding/forwarding-status.js';
import { RowAlarm } from './forwarding/row-alarm.js';
import { HeadAnchor } from './head-anchor.js';
import { HeadCheck } from './head-check.js';
import { HeldLogs } from './held-logs.js';
import { LogCheck } from './log-check.js';
import { PersonalViews } from './personal-fields.js';
import { PersonalValues } from './personal-values.js';
import { RetentionJob } from './retention-job.js';
import { SealedLog } from './sealed-log.js';

/** The audit trail: written through the unit of work, read by those who hold `audit:read`. */
@Global()
@Module({
  controllers: [AuditController, AuditForwardingController],
  providers: [
    { provide: ChangeRecorder, useClass: AuditWriter },
    AuditExport,
    AuditForwarder,
    AuditKeys,
    AuditPartitions,
    AuditReader,
    AuditRetention,
    AuditSealer,
    AuditVerifier,
    BatchMaker,
    ForwardingStatus,
    HeadAnchor,
    HeadCheck,
    HeldLogs,
    LogCheck,
    PersonalValues,
    PersonalViews,
    RowAlarm,
    RetentionJob,
    SealedLog,
  ],
  exports: [AuditReader, ChangeRecorder, PersonalViews],
})
export class AuditModule {}

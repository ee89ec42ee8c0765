import { Global, Module } from '@nestjs/common';
import { ChangeRecorder } from '../../platform/database/change-recorder.js';
import { AuditController } from './audit.controller.js';
import { AuditReader } from './audit-reader.js';
import { AuditWriter } from './audit-writer.js';
import { PersonalViews } from './personal-fields.js';

/** The audit trail: written through the unit of work, read by those who hold `audit:read`. */
@Global()
@Module({
  controllers: [AuditController],
  providers: [{ provide: ChangeRecorder, useClass: AuditWriter }, AuditReader, PersonalViews],
  exports: [ChangeRecorder, PersonalViews],
})
export class AuditModule {}

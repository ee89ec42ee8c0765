import { Module } from '@nestjs/common';
import { ComplianceController } from './compliance.controller.js';
import { ComplianceRepository } from './compliance.repository.js';
import { ComplianceService } from './compliance.service.js';

/** Reports for auditors, over what the floors below know. */
@Module({ controllers: [ComplianceController], providers: [ComplianceRepository, ComplianceService] })
export class ComplianceModule {}

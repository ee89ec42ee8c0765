import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { exportRoutes } from '../records/export-routes.js';
import { historyRoutes } from '../records/history-routes.js';
import { subjectRoutes } from '../records/subject-routes.js';
import { AppointmentsModule } from '../appointments/appointments.module.js';
import { ClientsModule } from '../clients/clients.module.js';
import { LeadConversionService } from './lead-conversion.service.js';
import { LeadMergeService } from './lead-merge.service.js';
import { LeadStatsService } from './lead-stats.service.js';
import { Lead } from './lead.entity.js';
import { LeadsController } from './leads.controller.js';
import { LeadsRepository } from './leads.repository.js';
import { ListLeadsDto } from './dto/list-leads.dto.js';
import { LeadsService } from './leads.service.js';

@Module({
  imports: [AppointmentsModule, ClientsModule, TypeOrmModule.forFeature([Lead])],
  controllers: [
    LeadsController,
    exportRoutes('leads', LeadsService, ListLeadsDto),
    historyRoutes('leads', 'lead'),
    subjectRoutes('leads', 'lead', LeadsService),
  ],
  providers: [LeadConversionService, LeadMergeService, LeadsRepository, LeadsService, LeadStatsService],
  exports: [LeadsService],
})
export class LeadsModule {}

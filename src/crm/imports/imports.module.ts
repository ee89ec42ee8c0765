import { Module } from '@nestjs/common';
import { ClientsModule } from '../clients/clients.module.js';
import { LeadsModule } from '../leads/leads.module.js';
import { ListingsModule } from '../listings/listings.module.js';
import { ImportFileRetention } from './import-file-retention.js';
import { ImportRunner } from './import-runner.js';
import { ImportStore } from './import-store.js';
import { ImportTargets } from './import-targets.js';
import { ImportUploadsController } from './import-uploads.controller.js';
import { ImportsController } from './imports.controller.js';
import { ImportsService } from './imports.service.js';

@Module({
  imports: [ClientsModule, LeadsModule, ListingsModule],
  controllers: [ImportUploadsController, ImportsController],
  providers: [ImportFileRetention, ImportRunner, ImportStore, ImportTargets, ImportsService],
})
export class ImportsModule {}

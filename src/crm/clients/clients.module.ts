import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { exportRoutes } from '../records/export-routes.js';
import { historyRoutes } from '../records/history-routes.js';
import { subjectRoutes } from '../records/subject-routes.js';
import { Client } from './client.entity.js';
import { ClientsController } from './clients.controller.js';
import { ClientsRepository } from './clients.repository.js';
import { ListClientsDto } from './dto/list-clients.dto.js';
import { ClientsService } from './clients.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([Client])],
  controllers: [
    ClientsController,
    exportRoutes('clients', ClientsService, ListClientsDto),
    historyRoutes('clients', 'client'),
    subjectRoutes('clients', 'client', ClientsService),
  ],
  providers: [ClientsRepository, ClientsService],
  exports: [ClientsService],
})
export class ClientsModule {}

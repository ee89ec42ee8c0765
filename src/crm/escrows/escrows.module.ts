import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { exportRoutes } from '../records/export-routes.js';
import { historyRoutes } from '../records/history-routes.js';
import { Escrow } from './escrow.entity.js';
import { EscrowsController } from './escrows.controller.js';
import { EscrowsRepository } from './escrows.repository.js';
import { ListEscrowsDto } from './dto/list-escrows.dto.js';
import { EscrowsService } from './escrows.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([Escrow])],
  controllers: [
    EscrowsController,
    exportRoutes('escrows', EscrowsService, ListEscrowsDto),
    historyRoutes('escrows', 'escrow'),
  ],
  providers: [EscrowsRepository, EscrowsService],
  exports: [EscrowsService],
})
export class EscrowsModule {}

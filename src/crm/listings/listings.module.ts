import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { exportRoutes } from '../records/export-routes.js';
import { historyRoutes } from '../records/history-routes.js';
import { Listing } from './listing.entity.js';
import { ListingsController } from './listings.controller.js';
import { ListingsRepository } from './listings.repository.js';
import { ListListingsDto } from './dto/list-listings.dto.js';
import { ListingsService } from './listings.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([Listing])],
  controllers: [
    ListingsController,
    exportRoutes('listings', ListingsService, ListListingsDto),
    historyRoutes('listings', 'listing'),
  ],
  providers: [ListingsRepository, ListingsService],
  exports: [ListingsService],
})
export class ListingsModule {}

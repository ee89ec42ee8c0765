import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { exportRoutes } from '../records/export-routes.js';
import { historyRoutes } from '../records/history-routes.js';
import { Appointment } from './appointment.entity.js';
import { AppointmentsController } from './appointments.controller.js';
import { AppointmentsRepository } from './appointments.repository.js';
import { ListAppointmentsDto } from './dto/list-appointments.dto.js';
import { AppointmentsService } from './appointments.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([Appointment])],
  controllers: [
    AppointmentsController,
    exportRoutes('appointments', AppointmentsService, ListAppointmentsDto),
    historyRoutes('appointments', 'appointment'),
  ],
  providers: [AppointmentsRepository, AppointmentsService],
  exports: [AppointmentsService],
})
export class AppointmentsModule {}

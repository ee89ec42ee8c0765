import { Module } from '@nestjs/common';
import { AppointmentsModule } from '../appointments/appointments.module.js';
import { ClientsModule } from '../clients/clients.module.js';
import { LeadsModule } from '../leads/leads.module.js';
import { CalendarController } from './calendar.controller.js';
import { CalendarService } from './calendar.service.js';
import { CalendarTokens } from './calendar-tokens.js';

@Module({
  imports: [AppointmentsModule, ClientsModule, LeadsModule],
  controllers: [CalendarController],
  providers: [CalendarService, CalendarTokens],
})
export class CalendarModule {}

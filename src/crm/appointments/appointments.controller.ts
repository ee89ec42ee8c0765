import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import type { RequestContext } from '../../platform/context/request-context.js';
import type { Page } from '../../platform/http/page.js';
import { Ctx, IfMatch } from '../../platform/http/parameters.js';
import { RecordId } from '../../platform/http/record-id.pipe.js';
import { Audited, RequireScope } from '../../platform/http/route-metadata.js';
import { Paged } from '../../platform/openapi/paged.js';
import { BulkDto } from '../records/bulk.dto.js';
import { BulkView } from '../records/bulk.view.js';
import { ArchivedView } from '../records/record.views.js';
import { AppointmentsService } from './appointments.service.js';
import { AppointmentDetailView, AppointmentView } from './dto/appointment.view.js';
import { CreateAppointmentDto } from './dto/create-appointment.dto.js';
import { ListAppointmentsDto } from './dto/list-appointments.dto.js';
import { UpdateAppointmentDto } from './dto/update-appointment.dto.js';

@Controller('v1/appointments')
export class AppointmentsController {
  constructor(private readonly appointments: AppointmentsService) {}

  /** Appointments of the team, newest first; in the order of their start when `startsAfter` or `startsBefore` is given. */
  @Get()
  @RequireScope('appointments:read')
  @Paged(AppointmentView)
  list(@Ctx() context: RequestContext, @Query() query: ListAppointmentsDto): Promise<Page<AppointmentView>> {
    return this.appointments.list(context, query);
  }

  /** Adds an appointment; 404 when a related record is not the team's. `overlaps` warns of a double booking. */
  @Post()
  @RequireScope('appointments:write')
  @Audited('appointment')
  async create(
    @Ctx() context: RequestContext,
    @Body() input: CreateAppointmentDto,
  ): Promise<AppointmentDetailView> {
    return this.appointments.withOverlaps(context, await this.appointments.create(context, input));
  }

  /** Up to 500 creations, changes and archivings; all or nothing unless `atomic` is false. Archiving needs `appointments:delete` as well. */
  @Post('bulk')
  @HttpCode(200)
  @RequireScope('appointments:write')
  @Audited('appointment')
  bulk(@Ctx() context: RequestContext, @Body() input: BulkDto): Promise<BulkView> {
    return this.appointments.bulk(context, input);
  }

  @Get(':id')
  @RequireScope('appointments:read')
  async get(
    @Ctx() context: RequestContext,
    @Param('id', RecordId) id: string,
  ): Promise<AppointmentDetailView> {
    return this.appointments.withOverlaps(context, await this.appointments.get(context, id));
  }

  /** Changes the fields that are sent. */
  @Patch(':id')
  @RequireScope('appointments:write')
  @Audited('appointment')
  async update(
    @Ctx() context: RequestContext,
    @Param('id', RecordId) id: string,
    @IfMatch() ifMatch: string | null,
    @Body() input: UpdateAppointmentDto,
  ): Promise<AppointmentDetailView> {
    const changed = await this.appointments.update(context, id, ifMatch, input);
    return this.appointments.withOverlaps(context, changed);
  }

  /** Archives an appointment: gone from lists and look-ups until it is restored. */
  @Delete(':id')
  @RequireScope('appointments:delete')
  @Audited('appointment')
  archive(
    @Ctx() context: RequestContext,
    @Param('id', RecordId) id: string,
    @IfMatch() ifMatch: string | null,
  ): Promise<ArchivedView> {
    return this.appointments.archive(context, id, ifMatch);
  }

  /** Brings an archived appointment back. */
  @Post(':id/restore')
  @HttpCode(200)
  @RequireScope('appointments:write')
  @Audited('appointment')
  restore(@Ctx() context: RequestContext, @Param('id', RecordId) id: string): Promise<AppointmentView> {
    return this.appointments.restore(context, id);
  }
}

import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { RequestContext } from '../../platform/context/request-context.js';
import type { Page } from '../../platform/http/page.js';
import { Ctx, IfMatch } from '../../platform/http/parameters.js';
import { RecordId } from '../../platform/http/record-id.pipe.js';
import { Audited, RequireScope } from '../../platform/http/route-metadata.js';
import { Paged } from '../../platform/openapi/paged.js';
import { BulkDto } from '../records/bulk.dto.js';
import { BulkView } from '../records/bulk.view.js';
import { ArchivedView } from '../records/record.views.js';
import { RestoreDto } from '../records/restore.dto.js';
import { ConversionView } from './dto/conversion.view.js';
import { ConvertLeadDto } from './dto/convert-lead.dto.js';
import { LeadStatsDto } from './dto/lead-stats.dto.js';
import { LeadStatsView } from './dto/lead-stats.view.js';
import { MergeLeadsDto } from './dto/merge-leads.dto.js';
import { MergeView } from './dto/merge.view.js';
import { LeadConversionService } from './lead-conversion.service.js';
import { LeadMergeService } from './lead-merge.service.js';
import { LeadStatsService } from './lead-stats.service.js';
import { LeadsService } from './leads.service.js';
import { LeadView } from './dto/lead.view.js';
import { CreateLeadDto } from './dto/create-lead.dto.js';
import { ListLeadsDto } from './dto/list-leads.dto.js';
import { UpdateLeadDto } from './dto/update-lead.dto.js';

@Controller('v1/leads')
export class LeadsController {
  constructor(
    private readonly leads: LeadsService,
    private readonly conversion: LeadConversionService,
    private readonly merge: LeadMergeService,
    private readonly statistics: LeadStatsService,
  ) {}

  /** Leads of the team, newest first. */
  @Get()
  @RequireScope('leads:read')
  @Paged(LeadView)
  list(@Ctx() context: RequestContext, @Query() query: ListLeadsDto): Promise<Page<LeadView>> {
    return this.leads.list(context, query);
  }

  /** Adds a lead; 409 `DUPLICATE` when another has the same e-mail or phone. */
  @Post()
  @RequireScope('leads:write')
  @Audited('lead')
  create(@Ctx() context: RequestContext, @Body() input: CreateLeadDto): Promise<LeadView> {
    return this.leads.create(context, input);
  }

  /** Numbers about the leads of a timeframe, for a chart. */
  @Get('stats')
  @RequireScope('leads:read')
  stats(@Ctx() context: RequestContext, @Query() query: LeadStatsDto): Promise<LeadStatsView> {
    return this.statistics.since(context, query);
  }

  /** Up to 500 creations, changes and archivings; all or nothing unless `atomic` is false. Archiving needs `leads:delete` as well. */
  @Post('bulk')
  @HttpCode(200)
  @RequireScope('leads:write')
  @Audited('lead')
  bulk(@Ctx() context: RequestContext, @Body() input: BulkDto): Promise<BulkView> {
    return this.leads.bulk(context, input);
  }

  @Get(':id')
  @RequireScope('leads:read')
  get(@Ctx() context: RequestContext, @Param('id', RecordId) id: string): Promise<LeadView> {
    return this.leads.get(context, id);
  }

  /** Changes the fields that are sent. */
  @Patch(':id')
  @RequireScope('leads:write')
  @Audited('lead')
  update(
    @Ctx() context: RequestContext,
    @Param('id', RecordId) id: string,
    @IfMatch() ifMatch: string | null,
    @Body() input: UpdateLeadDto,
  ): Promise<LeadView> {
    return this.leads.update(context, id, ifMatch, input);
  }

  /** Archives a lead: gone from lists and look-ups until it is restored. */
  @Delete(':id')
  @RequireScope('leads:delete')
  @Audited('lead')
  archive(
    @Ctx() context: RequestContext,
    @Param('id', RecordId) id: string,
    @IfMatch() ifMatch: string | null,
  ): Promise<ArchivedView> {
    return this.leads.archive(context, id, ifMatch);
  }

  /** Brings an archived lead back. */
  @Post(':id/restore')
  @HttpCode(200)
  @RequireScope('leads:write')
  @Audited('lead')
  restore(
    @Ctx() context: RequestContext,
    @Param('id', RecordId) id: string,
    @Body() input: RestoreDto,
  ): Promise<LeadView> {
    return this.leads.restore(context, id, input.allowDuplicate);
  }

  /** Makes a client of the lead, in one transaction: 201; repeated it answers the same client with 200. Needs `clients:write` as well. */
  @Post(':id/convert')
  @RequireScope('leads:write')
  @Audited('lead')
  @ApiCreatedResponse({ type: ConversionView })
  @ApiOkResponse({ type: ConversionView, description: 'The lead was converted before.' })
  async convert(
    @Ctx() context: RequestContext,
    @Param('id', RecordId) id: string,
    @Body() input: ConvertLeadDto,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ConversionView> {
    const { isNew, view } = await this.conversion.convert(context, id, input);
    void reply.status(isNew ? 201 : 200);
    return view;
  }

  /** Merges the lead into another: that one takes what it lacks and the appointments, this one is archived. Needs `leads:delete` as well. */
  @Post(':id/merge')
  @HttpCode(200)
  @RequireScope('leads:write')
  @Audited('lead')
  mergeInto(
    @Ctx() context: RequestContext,
    @Param('id', RecordId) id: string,
    @Body() input: MergeLeadsDto,
  ): Promise<MergeView> {
    return this.merge.merge(context, id, input);
  }
}

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
import { EscrowsService } from './escrows.service.js';
import { EscrowView } from './dto/escrow.view.js';
import { CreateEscrowDto } from './dto/create-escrow.dto.js';
import { ListEscrowsDto } from './dto/list-escrows.dto.js';
import { UpdateEscrowDto } from './dto/update-escrow.dto.js';

@Controller('v1/escrows')
export class EscrowsController {
  constructor(private readonly escrows: EscrowsService) {}

  /** Escrows of the team, newest first. */
  @Get()
  @RequireScope('escrows:read')
  @Paged(EscrowView)
  list(@Ctx() context: RequestContext, @Query() query: ListEscrowsDto): Promise<Page<EscrowView>> {
    return this.escrows.list(context, query);
  }

  /** Adds an escrow; 409 `DUPLICATE` when another has the same number. */
  @Post()
  @RequireScope('escrows:write')
  @Audited('escrow')
  create(@Ctx() context: RequestContext, @Body() input: CreateEscrowDto): Promise<EscrowView> {
    return this.escrows.create(context, input);
  }

  /** Up to 500 creations, changes and archivings; all or nothing unless `atomic` is false. Archiving needs `escrows:delete` as well. */
  @Post('bulk')
  @HttpCode(200)
  @RequireScope('escrows:write')
  @Audited('escrow')
  bulk(@Ctx() context: RequestContext, @Body() input: BulkDto): Promise<BulkView> {
    return this.escrows.bulk(context, input);
  }

  @Get(':id')
  @RequireScope('escrows:read')
  get(@Ctx() context: RequestContext, @Param('id', RecordId) id: string): Promise<EscrowView> {
    return this.escrows.get(context, id);
  }

  /** Changes the fields that are sent. */
  @Patch(':id')
  @RequireScope('escrows:write')
  @Audited('escrow')
  update(
    @Ctx() context: RequestContext,
    @Param('id', RecordId) id: string,
    @IfMatch() ifMatch: string | null,
    @Body() input: UpdateEscrowDto,
  ): Promise<EscrowView> {
    return this.escrows.update(context, id, ifMatch, input);
  }

  /** Archives an escrow: gone from lists and look-ups until it is restored. */
  @Delete(':id')
  @RequireScope('escrows:delete')
  @Audited('escrow')
  archive(
    @Ctx() context: RequestContext,
    @Param('id', RecordId) id: string,
    @IfMatch() ifMatch: string | null,
  ): Promise<ArchivedView> {
    return this.escrows.archive(context, id, ifMatch);
  }

  /** Brings an archived escrow back. */
  @Post(':id/restore')
  @HttpCode(200)
  @RequireScope('escrows:write')
  @Audited('escrow')
  restore(@Ctx() context: RequestContext, @Param('id', RecordId) id: string): Promise<EscrowView> {
    return this.escrows.restore(context, id);
  }
}

import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import type { RequestContext } from '../../platform/context/request-context.js';
import type { Page } from '../../platform/http/page.js';
import { Ctx, IfMatch } from '../../platform/http/parameters.js';
import { RecordId } from '../../platform/http/record-id.pipe.js';
import { Audited, RequireScope } from '../../platform/http/route-metadata.js';
import { Paged } from '../../platform/openapi/paged.js';
import { RestoreDto } from '../records/restore.dto.js';
import { ClientsService } from './clients.service.js';
import { BulkDto } from '../records/bulk.dto.js';
import { BulkView } from '../records/bulk.view.js';
import { ArchivedView } from '../records/record.views.js';
import { ClientView } from './dto/client.view.js';
import { CreateClientDto } from './dto/create-client.dto.js';
import { ListClientsDto } from './dto/list-clients.dto.js';
import { UpdateClientDto } from './dto/update-client.dto.js';

@Controller('v1/clients')
export class ClientsController {
  constructor(private readonly clients: ClientsService) {}

  /** Clients of the team, newest first. */
  @Get()
  @RequireScope('clients:read')
  @Paged(ClientView)
  list(@Ctx() context: RequestContext, @Query() query: ListClientsDto): Promise<Page<ClientView>> {
    return this.clients.list(context, query);
  }

  /** Adds a client; 409 `DUPLICATE` when another has the same e-mail or phone. */
  @Post()
  @RequireScope('clients:write')
  @Audited('client')
  create(@Ctx() context: RequestContext, @Body() input: CreateClientDto): Promise<ClientView> {
    return this.clients.create(context, input);
  }

  /** Up to 500 creations, changes and archivings; all or nothing unless `atomic` is false. Archiving needs `clients:delete` as well. */
  @Post('bulk')
  @HttpCode(200)
  @RequireScope('clients:write')
  @Audited('client')
  bulk(@Ctx() context: RequestContext, @Body() input: BulkDto): Promise<BulkView> {
    return this.clients.bulk(context, input);
  }

  @Get(':id')
  @RequireScope('clients:read')
  get(@Ctx() context: RequestContext, @Param('id', RecordId) id: string): Promise<ClientView> {
    return this.clients.get(context, id);
  }

  /** Changes the fields that are sent. */
  @Patch(':id')
  @RequireScope('clients:write')
  @Audited('client')
  update(
    @Ctx() context: RequestContext,
    @Param('id', RecordId) id: string,
    @IfMatch() ifMatch: string | null,
    @Body() input: UpdateClientDto,
  ): Promise<ClientView> {
    return this.clients.update(context, id, ifMatch, input);
  }

  /** Archives a client: gone from lists and look-ups until it is restored. */
  @Delete(':id')
  @RequireScope('clients:delete')
  @Audited('client')
  archive(
    @Ctx() context: RequestContext,
    @Param('id', RecordId) id: string,
    @IfMatch() ifMatch: string | null,
  ): Promise<ArchivedView> {
    return this.clients.archive(context, id, ifMatch);
  }

  /** Brings an archived client back. */
  @Post(':id/restore')
  @HttpCode(200)
  @RequireScope('clients:write')
  @Audited('client')
  restore(
    @Ctx() context: RequestContext,
    @Param('id', RecordId) id: string,
    @Body() input: RestoreDto,
  ): Promise<ClientView> {
    return this.clients.restore(context, id, input.allowDuplicate);
  }
}

import { Controller, Get, Param, Query, type Type } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import { AuditReader } from '../../oversight/audit/audit-reader.js';
import { AuditRowView } from '../../oversight/audit/dto/audit-row.view.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import type { Page } from '../../platform/http/page.js';
import { Ctx } from '../../platform/http/parameters.js';
import { RecordId } from '../../platform/http/record-id.pipe.js';
import { RequireScope } from '../../platform/http/route-metadata.js';
import { Paged } from '../../platform/openapi/paged.js';
import { PageDto } from '../../platform/http/page.dto.js';
import type { CrmResource } from './record-rules.js';

/** `GET /v1/{resource}/{id}/history` for one resource; its module lists the controller beside its own. */
export function historyRoutes(resource: CrmResource, resourceType: string): Type<unknown> {
  @Controller(`v1/${resource}`)
  class HistoryController {
    constructor(private readonly audit: AuditReader) {}

    @Get(':id/history')
    @RequireScope(`${resource}:read`)
    @ApiOperation({
      summary: 'What happened to the record, newest first; also when it is archived or erased.',
    })
    @Paged(AuditRowView)
    history(
      @Ctx() context: RequestContext,
      @Param('id', RecordId) id: string,
      @Query() query: PageDto,
    ): Promise<Page<AuditRowView>> {
      return this.audit.history(context, { resourceType, resourceId: id }, query);
    }
  }
  return named(HistoryController, resource);
}

/** Controllers of different resources must not share a name: the API document tells operations apart by it. */
export function named(controller: Type<unknown>, resource: CrmResource): Type<unknown> {
  const name = `${resource[0].toUpperCase()}${resource.slice(1)}${controller.name}`;
  Object.defineProperty(controller, 'name', { value: name });
  return controller;
}

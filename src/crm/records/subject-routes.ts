import { Controller, Get, HttpCode, Inject, Param, Post, type Type } from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import type { RequestContext } from '../../platform/context/request-context.js';
import { Ctx } from '../../platform/http/parameters.js';
import { RecordId } from '../../platform/http/record-id.pipe.js';
import { Audited, RequireScope, StepUp } from '../../platform/http/route-metadata.js';
import { named } from './history-routes.js';
import type { CrmResource } from './record-rules.js';
import { ErasedView } from './record.views.js';
import { SubjectData } from './subject-data.js';
import { SubjectExportView } from './subject.views.js';

/** What a resource of people does for its subjects; `RecordService` has both. */
export interface SubjectRecords {
  erase(context: RequestContext, id: string): Promise<ErasedView>;
  subject(context: RequestContext, id: string): Promise<object>;
}

/** Erasure and export for one resource of people; its module lists the controller beside its own. */
export function subjectRoutes(
  resource: CrmResource,
  resourceType: string,
  service: Type<SubjectRecords>,
): Type<unknown> {
  @Controller(`v1/${resource}`)
  class SubjectController {
    constructor(
      @Inject(service) private readonly records: SubjectRecords,
      private readonly data: SubjectData,
    ) {}

    @Post(':id/erase')
    @HttpCode(200)
    @RequireScope(`${resource}:delete`)
    @StepUp()
    @Audited(resourceType)
    @ApiOperation({
      summary:
        'Erases the personal data for good, in the record, the search and the history. Owners and admins only.',
    })
    @ApiOkResponse({ type: ErasedView })
    erase(@Ctx() context: RequestContext, @Param('id', RecordId) id: string): Promise<ErasedView> {
      return this.records.erase(context, id);
    }

    @Get(':id/export')
    @RequireScope(`${resource}:read`)
    @StepUp()
    @ApiOperation({ summary: 'Everything that is kept about the person, for the person.' })
    @ApiOkResponse({ type: SubjectExportView })
    async export(
      @Ctx() context: RequestContext,
      @Param('id', RecordId) id: string,
    ): Promise<SubjectExportView> {
      const record = (await this.records.subject(context, id)) as { id: string };
      return this.data.collect(context, resourceType, record);
    }
  }
  return named(SubjectController, resource);
}

import { Controller, Get, Inject, Query, StreamableFile, type Type } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, IntersectionType, OmitType } from '@nestjs/swagger';
import type { RequestContext } from '../../platform/context/request-context.js';
import { Ctx } from '../../platform/http/parameters.js';
import { Answers, RequireScope } from '../../platform/http/route-metadata.js';
import { ExportFormatDto } from './export.dto.js';
import { named } from './history-routes.js';
import type { ListRecordsDto } from './list-records.dto.js';
import { type ExportSource, RecordExport } from './record-export.js';
import type { CrmResource } from './record-rules.js';

/** `GET /v1/{resource}/export` for one resource; its module lists the controller beside its own. */
export function exportRoutes(
  resource: CrmResource,
  service: Type<ExportSource>,
  list: Type<ListRecordsDto>,
): Type<unknown> {
  class ExportQueryDto extends IntersectionType(OmitType(list, ['limit', 'cursor']), ExportFormatDto) {}

  @Controller(`v1/${resource}`)
  class ExportController {
    constructor(
      @Inject(service) private readonly records: ExportSource,
      private readonly exports: RecordExport,
    ) {}

    @Get('export')
    @RequireScope(`${resource}:read`)
    @Answers('STEP_UP_REQUIRED', 'TWO_FACTOR_REQUIRED')
    @ApiOperation({
      summary: 'All records that the list with these filters has, as one file.',
      description:
        'Streamed, without a limit. Personal data is masked without the `pii` scope; with it, people need a session that proved itself within the last ten minutes (`/v1/auth/step-up`), and the access is recorded. In CSV a text that a spreadsheet would run as a formula has an apostrophe before it. A transfer that ends early is broken off, never closed.',
    })
    @ApiOkResponse({
      description: 'CSV of RFC 4180 with a header line, or one JSON object a line.',
      content: {
        'text/csv': { schema: { type: 'string' } },
        'application/x-ndjson': { schema: { type: 'string' } },
      },
    })
    async export(@Ctx() context: RequestContext, @Query() query: ExportQueryDto): Promise<StreamableFile> {
      const { lines, type, name } = await this.exports.open(context, resource, this.records, query);
      return new StreamableFile(lines, { type, disposition: `attachment; filename="${name}"` });
    }
  }
  return named(ExportController, resource);
}

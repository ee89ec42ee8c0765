import { Controller, Get, Param, StreamableFile } from '@nestjs/common';
import { ApiOkResponse } from '@nestjs/swagger';
import type { RequestContext } from '../../platform/context/request-context.js';
import { Ctx } from '../../platform/http/parameters.js';
import { RecordId } from '../../platform/http/record-id.pipe.js';
import { Answers, Authenticated } from '../../platform/http/route-metadata.js';
import { ImportView } from './dto/import.view.js';
import { ImportsService } from './imports.service.js';

@Controller('v1')
export class ImportsController {
  constructor(private readonly imports: ImportsService) {}

  /** How far an import got. Needs the read scope of its resource. */
  @Get('imports/:id')
  @Authenticated('the import itself says which resource’s scope it needs')
  @Answers('INSUFFICIENT_SCOPE')
  get(@Ctx() context: RequestContext, @Param('id', RecordId) id: string): Promise<ImportView> {
    return this.imports.get(context, id);
  }

  /** The rows that were not imported, with the reasons. Repeats them, so people's need the `pii` scope. */
  @Get('imports/:id/errors')
  @Authenticated('the import itself says which resource’s scope it needs')
  @Answers('INSUFFICIENT_SCOPE')
  @ApiOkResponse({ content: { 'text/csv': { schema: { type: 'string' } } } })
  async errors(@Ctx() context: RequestContext, @Param('id', RecordId) id: string): Promise<StreamableFile> {
    const lines = await this.imports.errors(context, id);
    const disposition = `attachment; filename="import-${id}-errors.csv"`;
    return new StreamableFile(lines, { type: 'text/csv; charset=utf-8', disposition });
  }
}

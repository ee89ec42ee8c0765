import { Controller, Get, HttpCode, Param, Post, Req, StreamableFile } from '@nestjs/common';
import { ApiAcceptedResponse, ApiBody, ApiConsumes, ApiOkResponse } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import type { RequestContext } from '../../platform/context/request-context.js';
import { Ctx } from '../../platform/http/parameters.js';
import { RecordId } from '../../platform/http/record-id.pipe.js';
import { Answers, Audited, Authenticated, RequireScope } from '../../platform/http/route-metadata.js';
import { ImportView } from './dto/import.view.js';
import { ImportsService } from './imports.service.js';

const FORM = {
  schema: {
    type: 'object',
    required: ['file'],
    properties: {
      file: { type: 'string', format: 'binary', description: 'CSV up to 50 MB, in UTF-8 or UTF-16.' },
      dryRun: { type: 'string', enum: ['true', 'false'] },
      matchOn: { type: 'string', enum: ['email', 'phone', 'mlsNumber'] },
      mapping: { type: 'string', description: 'JSON: column name to field.' },
    },
  },
};

@Controller('v1')
export class ImportsController {
  constructor(private readonly imports: ImportsService) {}

  /** Imports clients from a CSV file. `matchOn` updates who is there already. */
  @Post('clients/import')
  @HttpCode(202)
  @RequireScope('clients:write')
  @Audited('import')
  @ApiConsumes('multipart/form-data')
  @ApiBody(FORM)
  @ApiAcceptedResponse({ type: ImportView })
  clients(@Ctx() context: RequestContext, @Req() request: FastifyRequest): Promise<ImportView> {
    return this.imports.start(context, 'clients', request);
  }

  /** Imports leads from a CSV file. `matchOn` updates who is there already. */
  @Post('leads/import')
  @HttpCode(202)
  @RequireScope('leads:write')
  @Audited('import')
  @ApiConsumes('multipart/form-data')
  @ApiBody(FORM)
  @ApiAcceptedResponse({ type: ImportView })
  leads(@Ctx() context: RequestContext, @Req() request: FastifyRequest): Promise<ImportView> {
    return this.imports.start(context, 'leads', request);
  }

  /** Imports listings from a CSV file. `matchOn` updates what is there already. */
  @Post('listings/import')
  @HttpCode(202)
  @RequireScope('listings:write')
  @Audited('import')
  @ApiConsumes('multipart/form-data')
  @ApiBody(FORM)
  @ApiAcceptedResponse({ type: ImportView })
  listings(@Ctx() context: RequestContext, @Req() request: FastifyRequest): Promise<ImportView> {
    return this.imports.start(context, 'listings', request);
  }

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

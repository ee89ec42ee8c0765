import { Controller, HttpCode, Post, Req, UseInterceptors } from '@nestjs/common';
import { ApiAcceptedResponse, ApiBody, ApiConsumes } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import type { RequestContext } from '../../platform/context/request-context.js';
import { Ctx } from '../../platform/http/parameters.js';
import { Audited, RequireScope } from '../../platform/http/route-metadata.js';
import { ImportView } from './dto/import.view.js';
import { ImportsService } from './imports.service.js';
import { ReceiveUpload } from './receive-upload.js';
import type { ReceivedUpload } from './received-upload.js';

const FORM = {
  schema: {
    type: 'object',
    required: ['file'],
    properties: {
      file: {
        type: 'string',
        format: 'binary',
        description: 'CSV up to 50 MB, in UTF-8 or UTF-16, sent at 64 KB/s or faster.',
      },
      dryRun: { type: 'string', enum: ['true', 'false'] },
      matchOn: { type: 'string', enum: ['email', 'phone', 'mlsNumber'] },
      mapping: { type: 'string', description: 'JSON: column name to field.' },
    },
  },
};

/** The upload routes: the file is received before the request is anything else. */
@Controller('v1')
@UseInterceptors(ReceiveUpload)
export class ImportUploadsController {
  constructor(private readonly imports: ImportsService) {}

  /** Imports clients from a CSV file. `matchOn` updates who is there already. */
  @Post('clients/import')
  @HttpCode(202)
  @RequireScope('clients:write')
  @Audited('import')
  @ApiConsumes('multipart/form-data')
  @ApiBody(FORM)
  @ApiAcceptedResponse({ type: ImportView })
  clients(@Ctx() context: RequestContext, @Req() request: FastifyRequest): ImportView {
    return this.imports.start(context, 'clients', request.body as ReceivedUpload);
  }

  /** Imports leads from a CSV file. `matchOn` updates who is there already. */
  @Post('leads/import')
  @HttpCode(202)
  @RequireScope('leads:write')
  @Audited('import')
  @ApiConsumes('multipart/form-data')
  @ApiBody(FORM)
  @ApiAcceptedResponse({ type: ImportView })
  leads(@Ctx() context: RequestContext, @Req() request: FastifyRequest): ImportView {
    return this.imports.start(context, 'leads', request.body as ReceivedUpload);
  }

  /** Imports listings from a CSV file. `matchOn` updates what is there already. */
  @Post('listings/import')
  @HttpCode(202)
  @RequireScope('listings:write')
  @Audited('import')
  @ApiConsumes('multipart/form-data')
  @ApiBody(FORM)
  @ApiAcceptedResponse({ type: ImportView })
  listings(@Ctx() context: RequestContext, @Req() request: FastifyRequest): ImportView {
    return this.imports.start(context, 'listings', request.body as ReceivedUpload);
  }
}

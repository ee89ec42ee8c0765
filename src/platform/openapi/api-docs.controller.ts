import { Controller, Get, Header, Param, Res } from '@nestjs/common';
import { ApiExcludeEndpoint, ApiOkResponse, ApiProduces } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { notFound } from '../http/api-error.js';
import { Public } from '../http/route-metadata.js';
import { ApiDocument } from './api-document.js';
import { DOCS_PAGE, docsAsset } from './docs-assets.js';

const WEEK_SECONDS = 604_800;

@Controller()
export class ApiDocsController {
  constructor(private readonly document: ApiDocument) {}

  /** This document. */
  @Get('openapi.json')
  @Public('integrators read it before they have an account')
  @Header('content-type', 'application/json; charset=utf-8')
  @ApiOkResponse({ description: 'OpenAPI 3.1.', schema: { type: 'object' } })
  openApi(): string {
    return this.document.json();
  }

  /** This document as a page to read and try. */
  @Get('docs')
  @Public('integrators read it before they have an account')
  @Header('content-type', 'text/html; charset=utf-8')
  @ApiProduces('text/html')
  @ApiOkResponse({ description: 'A page.', schema: { type: 'string' } })
  docs(): string {
    return DOCS_PAGE;
  }

  @Get('docs/:file')
  @Public('scripts and styles of /docs')
  @ApiExcludeEndpoint()
  asset(@Param('file') file: string, @Res({ passthrough: true }) reply: FastifyReply): string | Buffer {
    const asset = docsAsset(file);
    if (!asset) throw notFound();
    void reply.header('content-type', asset.type).header('cache-control', `public, max-age=${WEEK_SECONDS}`);
    return asset.content;
  }
}

import { Controller, Get, Query } from '@nestjs/common';
import type { RequestContext } from '../../platform/context/request-context.js';
import type { Page } from '../../platform/http/page.js';
import { Ctx } from '../../platform/http/parameters.js';
import { Paged } from '../../platform/openapi/paged.js';
import { RequireScope } from '../../platform/http/route-metadata.js';
import { AuditReader } from './audit-reader.js';
import { AuditQueryDto } from './dto/audit-query.dto.js';
import { AuditRowView } from './dto/audit-row.view.js';

@Controller('v1/audit-log')
export class AuditController {
  constructor(private readonly audit: AuditReader) {}

  /** Who changed what, newest first. */
  @Get()
  @RequireScope('audit:read')
  @Paged(AuditRowView)
  list(@Ctx() context: RequestContext, @Query() query: AuditQueryDto): Promise<Page<AuditRowView>> {
    return this.audit.list(context, query);
  }
}

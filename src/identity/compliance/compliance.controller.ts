import { Controller, Get, Headers, Query, Res } from '@nestjs/common';
import { ApiOkResponse } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { RequestContext } from '../../platform/context/request-context.js';
import { Ctx } from '../../platform/http/parameters.js';
import { RequireScope } from '../../platform/http/route-metadata.js';
import { compliancePage, PAGE_POLICY } from './compliance-page.js';
import { ComplianceService } from './compliance.service.js';
import { ComplianceQueryDto } from './dto/compliance-query.dto.js';
import { ComplianceReportView } from './dto/compliance-report.view.js';

@Controller('v1/compliance')
export class ComplianceController {
  constructor(private readonly compliance: ComplianceService) {}

  /** Access, changes, keys, second factors, failed sign-ins and retention of a period; as JSON, or as a page to print. */
  @Get('report')
  @RequireScope('audit:read')
  @ApiOkResponse({ type: ComplianceReportView })
  async report(
    @Ctx() context: RequestContext,
    @Query() query: ComplianceQueryDto,
    @Headers('accept') accept: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ComplianceReportView | string> {
    const report = await this.compliance.report(context, query);
    const asPage =
      query.format === undefined ? (accept ?? '').includes('text/html') : query.format === 'html';
    if (!asPage) return report;
    void reply
      .header('content-type', 'text/html; charset=utf-8')
      .header('content-security-policy', PAGE_POLICY);
    return compliancePage(report);
  }
}

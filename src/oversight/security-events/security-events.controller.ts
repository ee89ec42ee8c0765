import { Controller, Get, Query } from '@nestjs/common';
import type { RequestContext } from '../../platform/context/request-context.js';
import type { Page } from '../../platform/http/page.js';
import { Ctx } from '../../platform/http/parameters.js';
import { RequireScope } from '../../platform/http/route-metadata.js';
import { Paged } from '../../platform/openapi/paged.js';
import { EventQueryDto, EventSummaryQueryDto } from './dto/event-query.dto.js';
import { SecurityEventSummaryView, SecurityEventView } from './dto/security-event.view.js';
import { EventReader } from './event-reader.js';

@Controller('v1/security-events')
export class SecurityEventsController {
  constructor(private readonly events: EventReader) {}

  /** What happened, newest first. Owners and admins see the team's events, others those about themselves. */
  @Get()
  @RequireScope('security-events:read')
  @Paged(SecurityEventView)
  list(@Ctx() context: RequestContext, @Query() query: EventQueryDto): Promise<Page<SecurityEventView>> {
    return this.events.ofTeam(context.principal, query);
  }

  /** Counts by type, severity and day, for charts. */
  @Get('summary')
  @RequireScope('security-events:read')
  summary(
    @Ctx() context: RequestContext,
    @Query() query: EventSummaryQueryDto,
  ): Promise<SecurityEventSummaryView> {
    return this.events.summary(context.principal, query.days);
  }
}

import { Controller, Get, Query } from '@nestjs/common';
import type { Page } from '../../platform/http/page.js';
import { PlatformAdminsOnly } from '../../platform/http/route-metadata.js';
import { Paged } from '../../platform/openapi/paged.js';
import { EventQueryDto } from './dto/event-query.dto.js';
import { SecurityEventView } from './dto/security-event.view.js';
import { EventReader } from './event-reader.js';

@Controller('v1/platform/security-events')
export class PlatformEventsController {
  constructor(private readonly events: EventReader) {}

  /** Events of nobody's team, newest first: unknown e-mail addresses, honeypots, blocked addresses. */
  @Get()
  @PlatformAdminsOnly('events without a team concern the installation')
  @Paged(SecurityEventView)
  list(@Query() query: EventQueryDto): Promise<Page<SecurityEventView>> {
    return this.events.ofPlatform(query);
  }
}

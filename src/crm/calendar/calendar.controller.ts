import { Controller, Delete, Get, Header, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiProduces } from '@nestjs/swagger';
import type { RequestContext } from '../../platform/context/request-context.js';
import { SecretAnswer } from '../../platform/http/idempotency/idempotency-metadata.js';
import { Ctx } from '../../platform/http/parameters.js';
import { Audited, Public, RequireScope, UsersOnly } from '../../platform/http/route-metadata.js';
import { CalendarService } from './calendar.service.js';
import { CalendarQueryDto } from './dto/calendar-query.dto.js';
import { CalendarTokenRevokedView, CalendarTokenView } from './dto/calendar-token.view.js';

@Controller('v1/appointments')
export class CalendarController {
  constructor(private readonly calendar: CalendarService) {}

  /** The caller's appointments as an iCalendar feed, masked. */
  @Get('calendar.ics')
  @Public('calendar programs send no headers: the token in the address is the credential')
  @Header('content-type', 'text/calendar; charset=utf-8')
  @ApiProduces('text/calendar')
  @ApiOkResponse({ schema: { type: 'string' } })
  feed(@Ctx() context: RequestContext, @Query() query: CalendarQueryDto): Promise<string> {
    return this.calendar.feed(context, query.token);
  }

  /** Makes the caller's calendar link; an earlier one stops working. It ends when the caller's password changes or is reset. */
  @Post('calendar-token')
  @UsersOnly()
  @SecretAnswer()
  @RequireScope('appointments:read')
  @Audited('calendar_token')
  issue(@Ctx() context: RequestContext): CalendarTokenView {
    return this.calendar.issue(context);
  }

  /** Ends the caller's calendar link; 404 when there is none. */
  @Delete('calendar-token')
  @UsersOnly()
  @RequireScope('appointments:read')
  @Audited('calendar_token')
  revoke(@Ctx() context: RequestContext): Promise<CalendarTokenRevokedView> {
    return this.calendar.revoke(context);
  }
}

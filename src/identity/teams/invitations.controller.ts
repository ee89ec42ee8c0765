import { Body, Controller, Delete, Get, Param, Post, Query } from '@nestjs/common';
import type { RequestContext } from '../../platform/context/request-context.js';
import type { Page } from '../../platform/http/page.js';
import { Ctx, IfMatch } from '../../platform/http/parameters.js';
import { RecordId } from '../../platform/http/record-id.pipe.js';
import { Audited, RequireScope } from '../../platform/http/route-metadata.js';
import { Paged } from '../../platform/openapi/paged.js';
import { CreateInvitationDto } from './dto/invitation.dto.js';
import { InvitationView, WithdrawnInvitationView } from './dto/invitation.view.js';
import { PageDto } from '../../platform/http/page.dto.js';
import { InvitationsService } from './invitations.service.js';

@Controller('v1/team/invitations')
export class InvitationsController {
  constructor(private readonly invitations: InvitationsService) {}

  /** Mails an invitation; 409 `DUPLICATE` for members and for people who are invited already. */
  @Post()
  @RequireScope('team:write')
  @Audited('invitation')
  create(@Ctx() context: RequestContext, @Body() input: CreateInvitationDto): Promise<InvitationView> {
    return this.invitations.create(context, input);
  }

  /** Invitations that are neither accepted nor withdrawn, newest first. */
  @Get()
  @RequireScope('team:write')
  @Paged(InvitationView)
  list(@Ctx() context: RequestContext, @Query() query: PageDto): Promise<Page<InvitationView>> {
    return this.invitations.list(context, query);
  }

  /** Withdraws an invitation: its link opens nothing any more. */
  @Delete(':id')
  @RequireScope('team:write')
  @Audited('invitation')
  withdraw(
    @Ctx() context: RequestContext,
    @Param('id', RecordId) id: string,
    @IfMatch() ifMatch: string | null,
  ): Promise<WithdrawnInvitationView> {
    return this.invitations.withdraw(context, id, ifMatch);
  }
}

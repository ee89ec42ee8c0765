import { Body, Controller, Delete, Get, Param, Patch, Query } from '@nestjs/common';
import type { RequestContext } from '../../platform/context/request-context.js';
import type { Page } from '../../platform/http/page.js';
import { Ctx, IfMatch } from '../../platform/http/parameters.js';
import { RecordId } from '../../platform/http/record-id.pipe.js';
import {
  Audited,
  Authenticated,
  RequireScope,
  StepUp,
  UsersOnly,
} from '../../platform/http/route-metadata.js';
import { Paged } from '../../platform/openapi/paged.js';
import { ChangeMemberDto } from './dto/member.dto.js';
import { MemberView, RemovedMemberView } from './dto/member.view.js';
import { PageDto } from '../../platform/http/page.dto.js';
import { MembersService } from './members.service.js';

@Controller('v1/team/members')
export class MembersController {
  constructor(private readonly members: MembersService) {}

  /** Members of the team, in a stable order. */
  @Get()
  @RequireScope('team:read')
  @Paged(MemberView)
  list(@Ctx() context: RequestContext, @Query() query: PageDto): Promise<Page<MemberView>> {
    return this.members.list(context, query);
  }

  /** Gives a member another role, at most the caller's own; 409 `CONFLICT` when it would leave no owner. */
  @Patch(':userId')
  @RequireScope('team:write')
  @StepUp()
  @Audited('membership')
  changeRole(
    @Ctx() context: RequestContext,
    @Param('userId', RecordId) userId: string,
    @IfMatch() ifMatch: string | null,
    @Body() input: ChangeMemberDto,
  ): Promise<MemberView> {
    return this.members.changeRole(context, userId, ifMatch, input.role);
  }

  /**
   * Removes a member, or leaves the team; 409 `CONFLICT` for the last owner. Their sessions and API keys end at
   * once, their records stay without an owner.
   */
  @Delete(':userId')
  @Authenticated('everybody may leave; removing others needs team:write')
  @UsersOnly()
  @Audited('membership')
  remove(
    @Ctx() context: RequestContext,
    @Param('userId', RecordId) userId: string,
    @IfMatch() ifMatch: string | null,
  ): Promise<RemovedMemberView> {
    return this.members.remove(context, userId, ifMatch);
  }
}

import { Body, Controller, Get, Patch } from '@nestjs/common';
import type { RequestContext } from '../../platform/context/request-context.js';
import { Ctx, IfMatch } from '../../platform/http/parameters.js';
import { Audited, RequireScope } from '../../platform/http/route-metadata.js';
import { TeamView } from './dto/team.view.js';
import { UpdateTeamDto } from './dto/update-team.dto.js';
import { TeamService } from './team.service.js';

@Controller('v1/team')
export class TeamController {
  constructor(private readonly team: TeamService) {}

  /** The caller's team. */
  @Get()
  @RequireScope('team:read')
  get(@Ctx() context: RequestContext): Promise<TeamView> {
    return this.team.get(context);
  }

  /** Changes the fields that are sent. */
  @Patch()
  @RequireScope('team:write')
  @Audited('team')
  update(
    @Ctx() context: RequestContext,
    @IfMatch() ifMatch: string | null,
    @Body() input: UpdateTeamDto,
  ): Promise<TeamView> {
    return this.team.update(context, ifMatch, input);
  }
}

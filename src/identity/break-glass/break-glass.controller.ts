import { Body, Controller, Post } from '@nestjs/common';
import type { RequestContext } from '../../platform/context/request-context.js';
import { SecretAnswer } from '../../platform/http/idempotency/idempotency-metadata.js';
import { Ctx } from '../../platform/http/parameters.js';
import { NotAudited, PlatformAdminsOnly, StepUp } from '../../platform/http/route-metadata.js';
import { BreakGlassService } from './break-glass.service.js';
import { BreakGlassDto, BreakGlassView } from './dto/break-glass.dto.js';

@Controller('v1/platform/break-glass')
export class BreakGlassController {
  constructor(private readonly breakGlass: BreakGlassService) {}

  /** Opens a team for half an hour: read-only and masked unless asked. Its owners are told, its audit log keeps every request. */
  @Post()
  @PlatformAdminsOnly('nobody else may look into a team that is not theirs')
  @StepUp()
  @SecretAnswer()
  @NotAudited('audited in the log of the team that is entered, in the transaction of the grant')
  async open(@Ctx() context: RequestContext, @Body() input: BreakGlassDto): Promise<BreakGlassView> {
    const view = await this.breakGlass.open(context, input);
    context.work.noChange('the change belongs to the team that is entered');
    return view;
  }
}

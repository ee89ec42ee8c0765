import { Body, Controller, HttpCode, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { RequestContext } from '../../platform/context/request-context.js';
import { Ctx } from '../../platform/http/parameters.js';
import { Audited, Authenticated, UsersOnly } from '../../platform/http/route-metadata.js';
import { StepUpDto } from './dto/step-up.dto.js';
import { StepUpView } from './dto/step-up.view.js';
import { StepUpService } from './step-up.service.js';

@Controller('v1/auth/step-up')
export class StepUpController {
  constructor(private readonly stepUps: StepUpService) {}

  /** Proves again who sits there; opens the sensitive routes to this session for ten minutes. */
  @Post()
  @HttpCode(200)
  @Authenticated('every signed-in person may prove who they are')
  @UsersOnly()
  @Audited('session')
  stepUp(
    @Ctx() context: RequestContext,
    @Body() input: StepUpDto,
    @Req() request: FastifyRequest,
  ): Promise<StepUpView> {
    return this.stepUps.stepUp(context, input, request);
  }
}

import { Body, Controller, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { RequestContext } from '../../platform/context/request-context.js';
import { Ctx } from '../../platform/http/parameters.js';
import { Audited, Public } from '../../platform/http/route-metadata.js';
import { CookieRoute } from '../sessions/same-origin.guard.js';
import { SessionCookies } from '../sessions/session-cookies.service.js';
import { AcceptInvitationDto } from './dto/accept-invitation.dto.js';
import { SignedInView } from './dto/auth.views.js';
import { InvitationAcceptanceService } from './invitation-acceptance.service.js';

@Controller('v1/auth/accept-invitation')
export class AcceptInvitationController {
  constructor(
    private readonly acceptance: InvitationAcceptanceService,
    private readonly cookies: SessionCookies,
  ) {}

  /**
   * Joins the team that invited, and signs in to it. A new person sends name and password; an existing account sends
   * its access token, otherwise the answer is 401; the new session is then no fresher than that one (`STEP_UP_REQUIRED`).
   */
  @Post()
  @CookieRoute()
  @Public('the mailed token is the credential')
  @Audited('membership')
  async accept(
    @Ctx() context: RequestContext,
    @Req() request: FastifyRequest,
    @Body() input: AcceptInvitationDto,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SignedInView> {
    const { user, team, tokens } = await this.acceptance.accept(context, request, input);
    return { user, team, ...this.cookies.deliverSignIn(request, reply, tokens) };
  }
}

import { Body, Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { RequestContext } from '../../platform/context/request-context.js';
import { Ctx } from '../../platform/http/parameters.js';
import { Audited, Public } from '../../platform/http/route-metadata.js';
import { CookieRoute } from '../sessions/same-origin.guard.js';
import { SessionCookies } from '../sessions/session-cookies.service.js';
import { SignedInView } from './dto/auth.views.js';
import { TwoFactorLoginDto } from './dto/two-factor-login.dto.js';
import { TwoFactorLoginService } from './two-factor-login.service.js';

@Controller('v1/auth/login/2fa')
export class TwoFactorLoginController {
  constructor(
    private readonly logins: TwoFactorLoginService,
    private readonly cookies: SessionCookies,
  ) {}

  /** Completes a sign-in with a code of the authenticator app or a backup code. */
  @Post()
  @CookieRoute()
  @HttpCode(200)
  @Public('the challenge of the first step is the credential')
  @Audited('session')
  async login(
    @Ctx() context: RequestContext,
    @Body() input: TwoFactorLoginDto,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SignedInView> {
    const { member, tokens } = await this.logins.login(context, input, request);
    const team = { id: member.team.id, name: member.team.name };
    return { user: member.user, team, ...this.cookies.deliverSignIn(request, reply, tokens) };
  }
}

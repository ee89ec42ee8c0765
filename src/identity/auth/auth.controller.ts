import { Body, Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiCookieAuth, ApiHeader } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { RequestContext } from '../../platform/context/request-context.js';
import { Ctx } from '../../platform/http/parameters.js';
import { Audited, Authenticated, NotAudited, Public } from '../../platform/http/route-metadata.js';
import { RefreshCookie } from '../sessions/refresh-cookie.js';
import { type IssuedTokens, SessionService } from '../sessions/session.service.js';
import { AuthService } from './auth.service.js';
import { CsrfView, LogoutView, MeView, SignedInView, TokensView } from './dto/auth.views.js';
import { LoginDto } from './dto/login.dto.js';
import { RegisterDto } from './dto/register.dto.js';
import { LogoutService } from './logout.service.js';
import { RegistrationService } from './registration.service.js';

@Controller('v1/auth')
export class AuthController {
  constructor(
    private readonly auth: AuthService,
    private readonly registration: RegistrationService,
    private readonly sessions: SessionService,
    private readonly logouts: LogoutService,
    private readonly cookie: RefreshCookie,
  ) {}

  /** Creates an account and its team, and signs in. */
  @Post('register')
  @Public('an account begins here')
  @Audited('team')
  async register(
    @Ctx() context: RequestContext,
    @Body() input: RegisterDto,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SignedInView> {
    const { teamId, userId, tokens } = await this.registration.register(context, input);
    const user = {
      id: userId,
      email: input.email,
      name: input.name,
      emailVerifiedAt: null,
      passwordChangedAt: new Date().toISOString(),
    };
    return { user, team: { id: teamId, name: input.teamName }, ...this.deliver(reply, tokens) };
  }

  /** Signs in with e-mail and password. */
  @Post('login')
  @HttpCode(200)
  @Public('signing in is how one stops being anonymous')
  @Audited('session')
  async login(
    @Ctx() context: RequestContext,
    @Body() input: LoginDto,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SignedInView> {
    const { member, tokens } = await this.auth.login(context, input);
    const team = { id: member.team.id, name: member.team.name };
    return { user: member.user, team, ...this.deliver(reply, tokens) };
  }

  /** Exchanges the refresh cookie for a new access token and a new cookie. */
  @Post('refresh')
  @HttpCode(200)
  @Public('the refresh cookie is the credential')
  @NotAudited('the session itself keeps when it was last used; nothing of the team changes')
  @ApiCookieAuth('refreshCookie')
  @ApiHeader({ name: 'X-CSRF-Token', required: true, description: 'Single-use token of this session.' })
  async refresh(
    @Ctx() context: RequestContext,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TokensView> {
    const tokens = await this.sessions.refresh(context, this.cookie.read(request), csrfHeader(request));
    return this.deliver(reply, tokens);
  }

  /** A CSRF token for a page that was reloaded and holds only the cookie. */
  @Get('csrf')
  @ApiCookieAuth('refreshCookie')
  @Public('the refresh cookie is the credential')
  async csrf(@Ctx() context: RequestContext, @Req() request: FastifyRequest): Promise<CsrfView> {
    return { csrfToken: await this.sessions.openCsrf(context, this.cookie.read(request)) };
  }

  /** Ends the session of the access token, or of the refresh cookie (with `X-CSRF-Token`). */
  @Post('logout')
  @HttpCode(200)
  @Public('an expired access token must not keep anyone signed in')
  @Audited('session')
  @ApiBearerAuth('bearer')
  @ApiCookieAuth('refreshCookie')
  @ApiHeader({ name: 'X-CSRF-Token', required: false, description: 'Needed when only the cookie is sent.' })
  async logout(
    @Ctx() context: RequestContext,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<LogoutView> {
    await this.logouts.logout(context, request, this.cookie.read(request), csrfHeader(request));
    this.cookie.clear(reply);
    return { loggedOut: true };
  }

  /** Who is calling: user, team, role and effective scopes. */
  @Get('me')
  @Authenticated('everyone may know who they are')
  me(@Ctx() context: RequestContext): Promise<MeView> {
    return this.auth.me(context);
  }

  private deliver(reply: FastifyReply, { refreshToken, ...visible }: IssuedTokens): TokensView {
    this.cookie.write(reply, refreshToken);
    return visible;
  }
}

function csrfHeader(request: FastifyRequest): string | null {
  const value = request.headers['x-csrf-token'];
  return typeof value === 'string' && value.length > 0 && value.length <= 200 ? value : null;
}

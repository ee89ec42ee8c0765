import { Body, Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiCookieAuth,
  ApiExtraModels,
  ApiHeader,
  ApiOkResponse,
  getSchemaPath,
} from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { RequestContext } from '../../platform/context/request-context.js';
import { Ctx } from '../../platform/http/parameters.js';
import { Audited, Authenticated, NotAudited, Public, UsersOnly } from '../../platform/http/route-metadata.js';
import { CookieRoute } from '../sessions/same-origin.guard.js';
import { SessionCookies } from '../sessions/session-cookies.service.js';
import { SessionService } from '../sessions/session.service.js';
import { AuthService } from './auth.service.js';
import { CsrfView, LogoutView, MeView, OwnTeamView, SignedInView, TokensView } from './dto/auth.views.js';
import { LoginDto } from './dto/login.dto.js';
import { RegisterDto } from './dto/register.dto.js';
import { TwoFactorChallengeView } from './dto/two-factor-challenge.view.js';
import { type CookieProof, LogoutService } from './logout.service.js';
import { RegistrationService } from './registration.service.js';

@Controller('v1/auth')
export class AuthController {
  constructor(
    private readonly auth: AuthService,
    private readonly registration: RegistrationService,
    private readonly sessions: SessionService,
    private readonly logouts: LogoutService,
    private readonly cookies: SessionCookies,
  ) {}

  /** Creates an account and its team, and signs in. */
  @Post('register')
  @CookieRoute()
  @Public('an account begins here')
  @Audited('team')
  async register(
    @Ctx() context: RequestContext,
    @Body() input: RegisterDto,
    @Req() request: FastifyRequest,
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
    return {
      user,
      team: { id: teamId, name: input.teamName },
      ...this.cookies.deliverSignIn(request, reply, tokens),
    };
  }

  /** Signs in with e-mail and password; people with a second factor get a challenge and no cookie yet. */
  @Post('login')
  @CookieRoute()
  @HttpCode(200)
  @Public('signing in is how one stops being anonymous')
  @ApiExtraModels(SignedInView, TwoFactorChallengeView)
  @ApiOkResponse({
    schema: {
      oneOf: [{ $ref: getSchemaPath(SignedInView) }, { $ref: getSchemaPath(TwoFactorChallengeView) }],
    },
  })
  @Audited('session')
  async login(
    @Ctx() context: RequestContext,
    @Body() input: LoginDto,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SignedInView | TwoFactorChallengeView> {
    const signIn = await this.auth.login(context, input, request);
    if ('challengeToken' in signIn) return { twoFactorRequired: true, challengeToken: signIn.challengeToken };
    const { member, tokens } = signIn;
    const team = { id: member.team.id, name: member.team.name };
    return { user: member.user, team, ...this.cookies.deliverSignIn(request, reply, tokens) };
  }

  /** Exchanges the refresh cookie for a new access token and a new cookie. */
  @Post('refresh')
  @CookieRoute()
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
    context.work.noChange('a session keeps its own record of its last use');
    const tokens = await this.sessions.refresh(context, this.cookies.read(request), csrfHeader(request));
    return this.cookies.deliver(reply, tokens);
  }

  /** A CSRF token for a page that was reloaded and holds only the cookie. */
  @Get('csrf')
  @ApiCookieAuth('refreshCookie')
  @CookieRoute()
  @Public('the refresh cookie is the credential')
  async csrf(@Ctx() context: RequestContext, @Req() request: FastifyRequest): Promise<CsrfView> {
    return { csrfToken: await this.sessions.openCsrf(context, this.cookies.read(request)) };
  }

  /** Ends the session of the access token, or of the refresh cookie (with `X-CSRF-Token`). */
  @Post('logout')
  @CookieRoute()
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
    await this.logouts.logout(context, request, this.proofOf(request));
    this.cookies.clear(reply);
    return { loggedOut: true };
  }

  /** Ends all sessions of the person, in every team. */
  @Post('logout-all')
  @HttpCode(200)
  @Public('an expired access token must not keep anyone signed in')
  @Audited('user')
  @CookieRoute()
  @ApiHeader({ name: 'X-CSRF-Token', required: false, description: 'Needed when only the cookie is sent.' })
  async logoutAll(
    @Ctx() context: RequestContext,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<LogoutView> {
    await this.logouts.logoutAll(context, request, this.proofOf(request));
    this.cookies.clear(reply);
    return { loggedOut: true };
  }

  /** Who is calling: user, team, role and effective scopes. */
  @Get('me')
  @Authenticated('everyone may know who they are')
  me(@Ctx() context: RequestContext): Promise<MeView> {
    return this.auth.me(context);
  }

  /** The caller's teams in the order of joining: what `teamId` of a sign-in may be. */
  @Get('teams')
  @UsersOnly()
  @Authenticated('everyone may know where they belong')
  @ApiOkResponse({ type: [OwnTeamView] })
  teams(@Ctx() context: RequestContext): Promise<OwnTeamView[]> {
    return this.auth.teams(context);
  }

  private proofOf(request: FastifyRequest): CookieProof {
    return { token: this.cookies.read(request), csrf: csrfHeader(request) };
  }
}

function csrfHeader(request: FastifyRequest): string | null {
  const value = request.headers['x-csrf-token'];
  return typeof value === 'string' && value.length > 0 && value.length <= 200 ? value : null;
}

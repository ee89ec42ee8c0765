import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import type { RequestContext } from '../../platform/context/request-context.js';
import { Ctx } from '../../platform/http/parameters.js';
import { Audited, Authenticated, NotAudited, Public, UsersOnly } from '../../platform/http/route-metadata.js';
import { EmailVerifiedView, ForgotPasswordView, PasswordChangedView } from './dto/account.views.js';
import {
  ChangePasswordDto,
  ForgotPasswordDto,
  ResetPasswordDto,
  VerifyEmailDto,
} from './dto/password.dtos.js';
import { EmailVerificationService } from './email-verification.service.js';
import { PasswordChangeService } from './password-change.service.js';
import { PasswordResetService } from './password-reset.service.js';

/** A person's own account: password and e-mail address. */
@Controller('v1/auth')
export class AccountsController {
  constructor(
    private readonly changes: PasswordChangeService,
    private readonly resets: PasswordResetService,
    private readonly verifications: EmailVerificationService,
  ) {}

  /** Changes one's own password; every other session ends, and a mail says so. */
  @Post('password')
  @HttpCode(200)
  @Authenticated('everyone may change their own password')
  @UsersOnly()
  @Audited('user')
  async change(
    @Ctx() context: RequestContext,
    @Body() input: ChangePasswordDto,
  ): Promise<PasswordChangedView> {
    return { passwordChangedAt: await this.changes.change(context, input) };
  }

  /** Mails a link that sets a new password, if there is such an account; the answer never says whether. */
  @Post('password/forgot')
  @HttpCode(202)
  @Public('whoever forgot their password cannot sign in')
  @NotAudited('nothing changes until the mailed token is used')
  async forgot(
    @Ctx() context: RequestContext,
    @Body() input: ForgotPasswordDto,
  ): Promise<ForgotPasswordView> {
    await this.resets.request(context, input.email);
    return { accepted: true };
  }

  /** Sets a new password with a mailed token (once, within 30 minutes); every session ends. Signs nobody in. */
  @Post('password/reset')
  @HttpCode(200)
  @Public('the mailed token is the credential')
  @Audited('user')
  async reset(@Ctx() context: RequestContext, @Body() input: ResetPasswordDto): Promise<PasswordChangedView> {
    return { passwordChangedAt: await this.resets.reset(context, input) };
  }

  /** Confirms an e-mail address with a mailed token. */
  @Post('email/verify')
  @HttpCode(200)
  @Public('the mailed token is the credential')
  @Audited('user')
  async verify(@Ctx() context: RequestContext, @Body() input: VerifyEmailDto): Promise<EmailVerifiedView> {
    return { emailVerifiedAt: await this.verifications.verify(context, input.token) };
  }
}

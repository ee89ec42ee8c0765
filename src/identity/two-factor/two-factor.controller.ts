import { Body, Controller, HttpCode, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { RequestContext } from '../../platform/context/request-context.js';
import { Ctx } from '../../platform/http/parameters.js';
import { Audited, Authenticated, StepUp, UsersOnly } from '../../platform/http/route-metadata.js';
import { DisableTwoFactorDto } from './dto/disable-two-factor.dto.js';
import { TwoFactorCodeDto } from './dto/two-factor-code.dto.js';
import { BackupCodesView, TwoFactorSetupView, TwoFactorStateView } from './dto/two-factor.views.js';
import { TwoFactorService } from './two-factor.service.js';

@Controller('v1/auth/2fa')
export class TwoFactorController {
  constructor(private readonly twoFactor: TwoFactorService) {}

  /** A new secret for an authenticator app; it counts once `enable` has seen its first code. */
  @Post('setup')
  @HttpCode(200)
  @Authenticated('everyone may protect their own account')
  @StepUp('nobody')
  @Audited('two_factor')
  setup(@Ctx() context: RequestContext): Promise<TwoFactorSetupView> {
    return this.twoFactor.setup(context);
  }

  /** Turns two-factor authentication on and gives the backup codes. */
  @Post('enable')
  @HttpCode(200)
  @Authenticated('everyone may protect their own account')
  @UsersOnly()
  @Audited('two_factor')
  enable(
    @Ctx() context: RequestContext,
    @Body() input: TwoFactorCodeDto,
    @Req() request: FastifyRequest,
  ): Promise<BackupCodesView> {
    return this.twoFactor.enable(context, input.code, request);
  }

  /** Turns two-factor authentication off; secret and backup codes are forgotten. */
  @Post('disable')
  @HttpCode(200)
  @Authenticated('everyone decides on their own account')
  @StepUp('nobody')
  @Audited('two_factor')
  async disable(
    @Ctx() context: RequestContext,
    @Body() input: DisableTwoFactorDto,
    @Req() request: FastifyRequest,
  ): Promise<TwoFactorStateView> {
    await this.twoFactor.disable(context, input, request);
    return { enabled: false, backupCodesLeft: 0 };
  }

  /** Ten new backup codes; the old ones stop working. */
  @Post('backup-codes')
  @HttpCode(200)
  @Authenticated('everyone may protect their own account')
  @UsersOnly()
  @Audited('two_factor')
  renewBackupCodes(
    @Ctx() context: RequestContext,
    @Body() input: TwoFactorCodeDto,
    @Req() request: FastifyRequest,
  ): Promise<BackupCodesView> {
    return this.twoFactor.renewBackupCodes(context, input.code, request);
  }
}

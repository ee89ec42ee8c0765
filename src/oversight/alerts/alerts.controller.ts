import { Body, Controller, Get, Put } from '@nestjs/common';
import type { RequestContext } from '../../platform/context/request-context.js';
import { Ctx } from '../../platform/http/parameters.js';
import { Audited, RequireScope, StepUp } from '../../platform/http/route-metadata.js';
import { Alerts } from './alerts.service.js';
import { AlertSettingsDto, AlertSettingsView, ReplacedAlertSettingsView } from './dto/alert-settings.dto.js';

@Controller('v1/settings/alerts')
export class AlertsController {
  constructor(private readonly alerts: Alerts) {}

  /** Which security events the team is told of, and how. */
  @Get()
  @RequireScope('audit:read')
  settings(@Ctx() context: RequestContext): Promise<AlertSettingsView> {
    return this.alerts.settings(context);
  }

  /** Replaces the settings; the webhook and the digest stay as they are when they are left out. */
  @Put()
  @RequireScope('team:write')
  @StepUp()
  @Audited('alert_settings')
  replace(
    @Ctx() context: RequestContext,
    @Body() input: AlertSettingsDto,
  ): Promise<ReplacedAlertSettingsView> {
    return this.alerts.replace(context, input);
  }
}

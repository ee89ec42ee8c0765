import { Module } from '@nestjs/common';
import { AlertSettingsStore } from './alert-settings-store.js';
import { AlertWebhooks } from './alert-webhooks.js';
import { AlertsController } from './alerts.controller.js';
import { Alerts } from './alerts.service.js';
import { DailyDigest } from './daily-digest.js';

@Module({
  controllers: [AlertsController],
  providers: [Alerts, AlertSettingsStore, AlertWebhooks, DailyDigest],
})
export class AlertsModule {}

import { Module } from '@nestjs/common';
import { Alerts } from './alerts.service.js';
import { AlertsController } from './alerts.controller.js';

@Module({ controllers: [AlertsController], providers: [Alerts] })
export class AlertsModule {}

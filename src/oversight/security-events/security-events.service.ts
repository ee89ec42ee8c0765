import { Injectable } from '@nestjs/common';
import { Log } from '../../platform/logging/log.js';
import type { SecurityEvent } from './security-event.js';

/** Records security events. It never throws and never makes a request wait. */
@Injectable()
export class SecurityEvents {
  constructor(private readonly log: Log) {}

  record(event: SecurityEvent): void {
    this.log.info({ securityEvent: event.type, ...event }, 'security event');
  }
}

import { Global, Module } from '@nestjs/common';
import { DenialRecorder } from './denial-recorder.js';
import { EventMetrics } from './event-metrics.js';
import { EventRetention } from './event-retention.js';
import { EventReader } from './event-reader.js';
import { EventStore } from './event-store.js';
import { FailureRule } from './failure-rule.js';
import { PlatformEventsController } from './platform-events.controller.js';
import { SecurityEventsController } from './security-events.controller.js';
import { SecurityEvents } from './security-events.service.js';

@Global()
@Module({
  controllers: [SecurityEventsController, PlatformEventsController],
  providers: [
    DenialRecorder,
    EventMetrics,
    EventReader,
    EventRetention,
    EventStore,
    FailureRule,
    SecurityEvents,
  ],
  exports: [DenialRecorder, SecurityEvents],
})
export class SecurityEventsModule {}

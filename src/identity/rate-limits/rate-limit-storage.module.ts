import { Module } from '@nestjs/common';
import { SharedThrottlerStorage } from './shared-throttler-storage.js';

/** A module of its own, so that the throttler's can import it. */
@Module({ providers: [SharedThrottlerStorage], exports: [SharedThrottlerStorage] })
export class RateLimitStorageModule {}

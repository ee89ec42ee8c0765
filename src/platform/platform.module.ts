import { type DynamicModule, Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { Clock } from './clock/clock.js';
import { Config } from './config/config.js';
import { MasterKeys } from './crypto/master-keys.js';
import { HealthController } from './health/health.controller.js';
import { Readiness } from './health/readiness.js';
import { AnswerPurge } from './http/idempotency/answer-purge.js';
import { IdempotencyStore } from './http/idempotency/idempotency.store.js';
import { Refusals } from './http/refusals.js';
import { RouteTable } from './http/route-table.js';
import { SystemWork } from './database/system-work.js';
import { UnitRunner } from './http/unit-runner.js';
import { Redis } from './redis/redis.js';
import { openTracing, Tracing } from './tracing/tracing.js';
import { Log } from './logging/log.js';
import { DatabaseMetrics } from './metrics/database-metrics.js';
import { Metrics } from './metrics/metrics.js';
import { MetricsServer } from './metrics/metrics-server.js';
import { NameResolver } from './net/name-resolver.js';
import { OutboundHttp } from './net/outbound-http.js';
import { OutboundGuard } from './net/outbound-url.js';
import { ApiDocsController } from './openapi/api-docs.controller.js';
import { ApiDocument } from './openapi/api-document.js';
import { LandingController } from './pages/landing.controller.js';

/** What every floor above may use and no product knowledge is in. */
@Global()
@Module({})
export class PlatformModule {
  static forRoot(log: Log): DynamicModule {
    return {
      module: PlatformModule,
      imports: [DiscoveryModule],
      controllers: [HealthController, ApiDocsController, LandingController],
      providers: [
        Clock,
        { provide: Log, useValue: log },
        {
          provide: MasterKeys,
          inject: [Config],
          useFactory: (config: Config) =>
            new MasterKeys([config.masterEncryptionKey, ...config.masterEncryptionPreviousKeys]),
        },
        AnswerPurge,
        IdempotencyStore,
        DatabaseMetrics,
        Metrics,
        MetricsServer,
        NameResolver,
        OutboundGuard,
        OutboundHttp,
        Readiness,
        Redis,
        Refusals,
        RouteTable,
        SystemWork,
        { provide: Tracing, inject: [Config, Log], useFactory: openTracing },
        UnitRunner,
        ApiDocument,
      ],
      exports: [
        Clock,
        Log,
        MasterKeys,
        IdempotencyStore,
        Metrics,
        OutboundGuard,
        OutboundHttp,
        Redis,
        Refusals,
        RouteTable,
        SystemWork,
        Tracing,
        UnitRunner,
        DiscoveryModule,
      ],
    };
  }
}
